package testset

import (
	"errors"
	"io"
)

// A browser that verifies reads no items from files, and would have to load the decoder.
func newZstd(io.Reader) (io.ReadCloser, error) {
	return nil, errors.New("this build reads no zstd: decompress the file first")
}
