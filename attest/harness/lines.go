package harness

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/klauspost/compress/zstd"
)

// MaxLine is the longest line that is read, and MaxResults the largest results
// file, in bytes after decompression.
const (
	MaxLine    = 64 << 20
	MaxResults = 64 << 20
)

// decompress recognises gzip and Zstandard by their first bytes, since names lie.
func decompress(r io.Reader) (io.ReadCloser, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	magic, err := b.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return gzip.NewReader(b)
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		// The window is what a hostile frame could make us allocate.
		d, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}
	return io.NopCloser(b), nil
}

// eachLine calls yield for every line that is not blank, with its place
// ("file:line"), which it also puts before every error. The line is only valid
// during the call.
func eachLine(name string, r io.Reader, yield func(where string, line []byte) error) error {
	plain, err := decompress(r)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer plain.Close()
	lines := bufio.NewReaderSize(plain, 64<<10)
	var buf []byte
	for number := 1; ; number++ {
		where := fmt.Sprintf("%s:%d", name, number)
		var end bool
		if buf, end, err = readLine(lines, buf[:0]); err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
		if line := bytes.TrimSpace(buf); len(line) > 0 {
			if err := yield(where, line); err != nil {
				return fmt.Errorf("%s: %w", where, err)
			}
		}
		if end {
			return nil
		}
	}
}

// readLine appends one line to buf and reports whether the input ended there.
func readLine(r *bufio.Reader, buf []byte) (line []byte, end bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if len(buf)+len(part) > MaxLine {
			return nil, false, fmt.Errorf("line is longer than %d bytes", MaxLine)
		}
		buf = append(buf, part...)
		switch {
		case err == nil:
			return buf, false, nil
		case errors.Is(err, io.EOF):
			return buf, true, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, false, err
		}
	}
}

// eachLineOf is eachElement for a file that has one JSON value on each line.
func eachLineOf(fsys fs.FS, name string, yield func(line int, element foreign) error) (err error) {
	f, err := openPlain(fsys, name)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	lines := bufio.NewReaderSize(f, 64<<10)
	var buf []byte
	for number := 1; ; number++ {
		var end bool
		if buf, end, err = readLine(lines, buf[:0]); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		if line := bytes.TrimSpace(buf); len(line) > 0 {
			doc, err := checkForeign(line)
			if err == nil {
				err = yield(number, doc)
			}
			if err != nil {
				return fmt.Errorf("line %d: %w", number, err)
			}
		}
		if end {
			return nil
		}
	}
}
