//go:build !js

package testset

import (
	"io"

	"github.com/klauspost/compress/zstd"
)

// newZstd reads what is compressed with zstd. The window is what a frame makes us
// allocate: 128 MiB is the most that the format asks a decoder to support.
func newZstd(r io.Reader) (io.ReadCloser, error) {
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(128<<20))
	if err != nil {
		return nil, err
	}
	return z.IOReadCloser(), nil
}
