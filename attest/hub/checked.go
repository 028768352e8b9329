package hub

import (
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model"
)

// ErrDiffers is in the error of bytes that are not those that are listed.
var ErrDiffers = errors.New("other bytes came than are listed")

// Checked reads a listed file in full, and fails at its end where the bytes are not those
// that are listed. By git's SHA-1 it goes only where no SHA-256 is listed.
func Checked(f File, r io.ReadCloser) io.ReadCloser {
	c := &checked{ReadCloser: r, f: f}
	switch {
	case f.SHA256 != nil:
		c.sum = sha256.New()
	case f.Blob != nil && f.Size != nil:
		c.sum = sha1.New()
		fmt.Fprintf(c.sum, "blob %d\x00", *f.Size)
	default:
		return r
	}
	return c
}

type checked struct {
	io.ReadCloser
	f   File
	sum hash.Hash
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.sum.Write(p[:n])
	if err == io.EOF {
		if wrong := c.compare(); wrong != nil {
			err = wrong
		}
	}
	return n, err
}

func (c *checked) compare() error {
	got := c.sum.Sum(nil)
	if c.f.SHA256 != nil {
		if h := attest.Hash(got); h != *c.f.SHA256 {
			return fmt.Errorf("%w: SHA-256 %s, listed %s", ErrDiffers, h, c.f.SHA256)
		}
		return nil
	}
	if b := model.GitBlob(got); b != *c.f.Blob {
		return fmt.Errorf("%w: git blob %s, listed %s", ErrDiffers, b, c.f.Blob)
	}
	return nil
}
