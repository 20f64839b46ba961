package postgres

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/colabo/colabo/provisioners"
)

// seed is one SQL file on the host.
type seed struct {
	name string // as the Colabofile has it
	path string // absolute
}

type seedList []seed

func seedsOf(dir string, names []string) seedList {
	seeds := make(seedList, len(names))
	for i, name := range names {
		seeds[i] = seed{name: name, path: provisioners.HostPath(dir, name)}
	}
	return seeds
}

// marker is the comment of a database that was made of these seeds for that owner.
func (l seedList) marker(owner string) (string, error) {
	hash := sha256.New()
	fmt.Fprintf(hash, "%q\n", owner)
	for _, s := range l {
		sum, err := s.hash()
		if err != nil {
			return "", err
		}
		hash.Write(sum)
	}
	return "colabo seed sha256:" + hex.EncodeToString(hash.Sum(nil)), nil
}

// hash is the file's content hash, as it lies on the disk.
func (s seed) hash() ([]byte, error) {
	file, err := os.Open(s.path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return nil, fmt.Errorf("read %s: %w", s.name, err)
	}
	return hash.Sum(nil), nil
}

// open returns the seed's SQL: decompressed where the file is gzipped, without a byte order mark.
func (s seed) open() (io.ReadCloser, error) {
	file, err := os.Open(s.path)
	if err != nil {
		return nil, err
	}
	text := bufio.NewReader(file)
	if magic, _ := text.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		unzipped, err := gzip.NewReader(text)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("read %s: %w", s.name, err), file.Close())
		}
		text = bufio.NewReader(unzipped)
	}
	if mark, _ := text.Peek(3); bytes.Equal(mark, []byte("\uFEFF")) {
		if _, err := text.Discard(len(mark)); err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}
	return readCloser{text, file}, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}
