package binding

// Stream carries the content of a volume.
type Stream struct {
	lib *Library
	h   handle
}

// StreamFlags changes how a stream works; 0 is a blocking one.
type StreamFlags uint32

// Send writes some of data and returns how much.
func (s *Stream) Send(data []byte) (int, error) {
	if len(data) == 0 {
		return 0, nil
	}
	return s.lib.status(func() int32 { return s.lib.symbols.StreamSend(s.h, &data[0], uintptr(len(data))) })
}

// Recv reads some data and returns how much; 0 at the end.
func (s *Stream) Recv(data []byte) (int, error) {
	if len(data) == 0 {
		return 0, nil
	}
	return s.lib.status(func() int32 { return s.lib.symbols.StreamRecv(s.h, &data[0], uintptr(len(data))) })
}

// Finish ends the stream and says whether all that was sent is where it belongs.
func (s *Stream) Finish() error { return s.do(s.lib.symbols.StreamFinish) }

// Abort ends the stream before its time.
func (s *Stream) Abort() error { return s.do(s.lib.symbols.StreamAbort) }

// Free gives the object up.
func (s *Stream) Free() error { return s.do(s.lib.symbols.StreamFree) }

func (s *Stream) do(call func(handle) int32) error {
	_, err := s.lib.status(func() int32 { return call(s.h) })
	return err
}
