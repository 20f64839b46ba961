package containerengine_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/provisioners/containerengine"
	"github.com/colabo/colabo/provisioners/provisionertest"
)

// vm is a guest whose engine answers, after it was installed where it has to be.
type vm struct {
	guest.Guest
	engine    string // address of the engine's API
	installed bool
	reachable bool // by the login user
	fails     error
	commands  []guest.Command
}

func (v *vm) Run(_ context.Context, command guest.Command) error {
	v.commands = append(v.commands, command)
	v.installed = v.fails == nil
	_, _ = io.WriteString(command.Stdout, "E: no network\n")
	return v.fails
}

func (v *vm) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if network != "unix" || address != containerengine.SocketPath || !v.installed || !v.reachable {
		return nil, errors.New("connection refused")
	}
	var dialer net.Dialer
	return dialer.DialContext(ctx, "tcp", v.engine)
}

func TestInstall(t *testing.T) {
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		if !strings.HasSuffix(r.URL.Path, "/_ping") {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer engine.Close()
	address := strings.TrimPrefix(engine.URL, "http://")
	exit := &guest.ExitError{Argv: []string{"sh"}, Code: 100}
	for name, test := range map[string]struct {
		vm   vm
		runs int
		want string // in the error
		hint bool
	}{
		"there already":      {vm: vm{installed: true, reachable: true}},
		"installed":          {vm: vm{reachable: true}, runs: 1},
		"can't be installed": {vm: vm{reachable: true, fails: exit}, runs: 1, want: "install the container engine: exit status 100; its output ends with:\n  E: no network"},
		"not for the user":   {vm: vm{}, runs: 1, want: "reach the container engine in the machine as colabo", hint: true},
	} {
		test.vm.engine = address
		err := containerengine.Install(t.Context(), provisionertest.Target(t, &test.vm, "", io.Discard))
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) || (hint.Of(err) != "") != test.hint {
			t.Errorf("%s: got %v with hint %q", name, err, hint.Of(err))
		}
		if len(test.vm.commands) != test.runs {
			t.Errorf("%s: %d round trips, want %d", name, len(test.vm.commands), test.runs)
		}
		for _, command := range test.vm.commands {
			if command.User != "root" || command.Argv[len(command.Argv)-1] != "colabo" {
				t.Errorf("%s: run as %q with %q", name, command.User, command.Argv[len(command.Argv)-1])
			}
		}
	}
}
