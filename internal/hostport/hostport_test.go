package hostport_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/colabo/colabo/internal/hostport"
)

func TestFreeNamesTheOwner(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	busy, ok := errors.AsType[*hostport.BusyError](hostport.Free("tcp", address))
	if !ok {
		t.Fatalf("Free of a port that is listened on is no BusyError")
	}
	if pid := fmt.Sprintf("(pid %d)", os.Getpid()); !strings.HasSuffix(busy.Owner, pid) {
		t.Errorf("owner = %q, want one that ends in %q", busy.Owner, pid)
	}
	listener.Close()
	if err := hostport.Free("tcp", address); err != nil {
		t.Errorf("Free after the listener was closed: %v", err)
	}
}

func TestFreeSeesAListenerOnAllAddresses(t *testing.T) {
	listener, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	if _, ok := errors.AsType[*hostport.BusyError](hostport.Free("tcp", "127.0.0.1:"+port)); !ok {
		t.Error("a port that is taken on all addresses counts as free on one")
	}
}

func TestFreeUDP(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, ok := errors.AsType[*hostport.BusyError](hostport.Free("udp", conn.LocalAddr().String())); !ok {
		t.Error("a UDP port that is bound counts as free")
	}
}
