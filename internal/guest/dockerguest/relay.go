package dockerguest

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
)

// The relay runs in the guest: it connects, says "+" or "-ERRNO MESSAGE" on a line, and then copies both ways until the
// peer closes. What it reads is in pieces: four bytes of length, big endian, then as many bytes. The length 0 is the
// end of our side (half-close); an input that ends without it means that the connection was closed or lost, and
// the relay ends at once. What it writes is the peer's bytes as they are.

// perlRelay is the relay for perl 5.14 and later with core modules only.
const perlRelay = `use strict; use Socket qw(:DEFAULT getaddrinfo :addrinfo IPPROTO_TCP TCP_NODELAY);
my ($net, @to) = @ARGV; my $s; $| = 1; binmode STDIN; binmode STDOUT;
sub fail { syswrite STDOUT, sprintf("-%d %s\n", @_); exit 1 }
if ($net eq "unix") {
  socket($s, PF_UNIX, SOCK_STREAM, 0) && connect($s, pack_sockaddr_un($to[0])) or fail($! + 0, $!);
} else {
  my ($err, @found) = getaddrinfo($to[0], $to[1], { socktype => SOCK_STREAM });
  fail(0, "$to[0]: $err") if $err;
  my @why;
  for my $f (@found) {
    my $try;
    if (socket($try, $f->{family}, $f->{socktype}, $f->{protocol}) && connect($try, $f->{addr})) { $s = $try; last }
    @why = ($! + 0, "$!");
  }
  fail(@why) unless $s;
  setsockopt($s, IPPROTO_TCP, TCP_NODELAY, 1);
}
sub put { my ($h, $d) = @_; my $o = 0;
  while ($o < length $d) { my $n = syswrite($h, $d, length($d) - $o, $o); defined $n or return 0; $o += $n } 1 }
sub get { my ($n) = @_; my $d = "";
  while (length($d) < $n) { my $r = sysread(STDIN, $d, $n - length($d), length $d); return undef unless $r } $d }
put(\*STDOUT, "+\n"); $SIG{PIPE} = "IGNORE";
my $parent = $$; my $child = fork; defined $child or exit 1;
if (!$child) {
  close STDOUT;
  while (defined(my $head = get(4))) {
    my $n = unpack "N", $head;
    if (!$n) { shutdown($s, 1); exit 0 }
    my $d = get($n); defined $d or last;
    put($s, $d) or last;
  }
  kill "KILL", $parent; exit 0;
}
while (sysread($s, my $d, 65536)) { put(\*STDOUT, $d) or last }
kill "KILL", $child;`

// pythonRelay is the relay for python 3.6 and later.
const pythonRelay = `import os, socket, sys, threading
to = sys.argv[1:]
def put(fd, data):
    while data:
        data = data[os.write(fd, data):]
try:
    if to[0] == "unix":
        s = socket.socket(socket.AF_UNIX)
        s.connect(to[1])
    else:
        s = socket.create_connection((to[1], int(to[2])))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
except OSError as e:
    known = e.errno if e.errno and not isinstance(e, socket.gaierror) else 0
    put(1, ("-%d %s\n" % (known, e)).encode())
    sys.exit(1)
put(1, b"+\n")
def get(n):
    data = b""
    while len(data) < n:
        more = os.read(0, n - len(data))
        if not more:
            os._exit(0)
        data += more
    return data
def inward():
    try:
        while True:
            n = int.from_bytes(get(4), "big")
            if not n:
                s.shutdown(socket.SHUT_WR)
                return
            s.sendall(get(n))
    except OSError:
        os._exit(0)
threading.Thread(target=inward, daemon=True).start()
try:
    while True:
        data = s.recv(65536)
        if not data:
            break
        put(1, data)
except OSError:
    pass
os._exit(0)`

// relayed is a connection through a relay in the guest.
type relayed struct {
	exec          *execution
	local, remote inside

	reading sync.Mutex
	frames  frames

	writing sync.Mutex
	ended   bool  // our side is closed
	broken  error // a piece was cut off in the middle: nothing can follow it
}

var _ net.Conn = (*relayed)(nil)

// Read implements net.Conn.
func (c *relayed) Read(p []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	return c.frames.Read(p)
}

// maxPiece keeps a piece within what the relay likes to hold in memory.
const maxPiece = 64 << 10

// Write implements net.Conn. After a write that timed out the connection takes no more.
func (c *relayed) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	written := 0
	for len(p) > 0 {
		if c.broken != nil {
			return written, c.broken
		}
		if c.ended {
			return written, net.ErrClosed
		}
		n := min(len(p), maxPiece)
		piece := binary.BigEndian.AppendUint32(make([]byte, 0, 4+n), uint32(n))
		sent, err := c.exec.Conn.Write(append(piece, p[:n]...))
		if err != nil {
			c.broken = err
			return written + max(sent-4, 0), err
		}
		written += n
		p = p[n:]
	}
	return written, nil
}

// CloseWrite tells the peer that nothing more comes; what it sends can still be read.
func (c *relayed) CloseWrite() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.ended || c.broken != nil {
		return c.broken
	}
	c.ended = true
	_, err := c.exec.Conn.Write(make([]byte, 4))
	return err
}

// Close implements net.Conn; the relay in the guest ends with it.
func (c *relayed) Close() error { return c.exec.Conn.Close() }

// LocalAddr implements net.Conn.
func (c *relayed) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements net.Conn.
func (c *relayed) RemoteAddr() net.Addr { return c.remote }

// SetDeadline implements net.Conn.
func (c *relayed) SetDeadline(t time.Time) error { return c.exec.Conn.SetDeadline(t) }

// SetReadDeadline implements net.Conn.
func (c *relayed) SetReadDeadline(t time.Time) error { return c.exec.Conn.SetReadDeadline(t) }

// SetWriteDeadline implements net.Conn.
func (c *relayed) SetWriteDeadline(t time.Time) error { return c.exec.Conn.SetWriteDeadline(t) }

// frames reads stdout out of an engine's multiplexed output; unlike stdcopy it can go on after a timeout.
// The begin of what comes on stderr is kept.
type frames struct {
	from     io.Reader
	header   [8]byte
	have     int // bytes of header read
	left     int // bytes of payload to come
	complain bytes.Buffer
}

// maxComplaint is how much of stderr is kept.
const maxComplaint = 4096

// Read implements io.Reader.
func (f *frames) Read(p []byte) (int, error) {
	for {
		for f.left == 0 {
			n, err := f.from.Read(f.header[f.have:])
			f.have += n
			if f.have == len(f.header) {
				f.left, f.have = int(binary.BigEndian.Uint32(f.header[4:])), 0
			} else if err != nil {
				return 0, err
			}
		}
		if stdcopy.StdType(f.header[0]) != stdcopy.Stderr {
			break
		}
		var part [512]byte
		n, err := f.from.Read(part[:min(len(part), f.left)])
		f.left -= n
		f.complain.Write(part[:min(n, maxComplaint-f.complain.Len())])
		if err != nil {
			return 0, err
		}
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := f.from.Read(p[:min(len(p), f.left)])
	f.left -= n
	return n, err
}

// byByte reads one byte at a time, so that a buffered reader on it takes no more than the line it looks for.
type byByte struct{ from io.Reader }

// Read implements io.Reader.
func (b *byByte) Read(p []byte) (int, error) { return b.from.Read(p[:min(1, len(p))]) }
