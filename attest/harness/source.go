package harness

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/proctor-attest/proctor/attest"
)

// hashing is a file system that hashes what is read from it: a finding names the
// bytes that it rests on.
type hashing struct {
	fs.FS
	ctx      context.Context // of one call of Import, which reads from many places
	progress func(bytes int64)

	mu    sync.Mutex
	files map[string]File
}

// Open opens a file whose digest is known once it was closed.
func (h *hashing) Open(name string) (fs.File, error) {
	f, err := h.FS.Open(name)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || info.IsDir() {
		return f, nil
	}
	hashed := &hashedFile{File: f, h: h, name: name, sum: sha256.New()}
	if at, ok := f.(io.ReaderAt); ok {
		return &hashedReaderAt{hashed, at}, nil
	}
	return hashed, nil
}

// ReadDir lists a directory.
func (h *hashing) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(h.FS, name) }

// Stat is without opening.
func (h *hashing) Stat(name string) (fs.FileInfo, error) { return fs.Stat(h.FS, name) }

// file returns what is known of a file, reading it if it was not read yet.
func (h *hashing) file(name string) (File, error) {
	h.mu.Lock()
	f, ok := h.files[name]
	h.mu.Unlock()
	if ok {
		return f, nil
	}
	r, err := h.Open(name)
	if err != nil {
		return File{}, err
	}
	if err := r.Close(); err != nil {
		return File{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.files[name], nil
}

func (h *hashing) wasRead(name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, ok := h.files[name]
	return ok
}

type hashedFile struct {
	fs.File
	h    *hashing
	name string
	sum  hash.Hash
	size int64
	done bool
}

func (f *hashedFile) Read(p []byte) (int, error) {
	if err := f.h.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := f.File.Read(p)
	f.sum.Write(p[:n])
	f.size += int64(n)
	if f.h.progress != nil {
		f.h.progress(int64(n))
	}
	return n, err
}

// hashedReaderAt is a file that can also be read here and there, as an archive is: it
// is hashed when it is closed.
type hashedReaderAt struct {
	*hashedFile
	at io.ReaderAt
}

func (f *hashedReaderAt) ReadAt(p []byte, off int64) (int, error) {
	if err := f.h.ctx.Err(); err != nil {
		return 0, err
	}
	return f.at.ReadAt(p, off)
}

// Close reads what its reader did not want, so that the digest is the file's.
func (f *hashedFile) Close() error {
	if f.done {
		return fs.ErrClosed
	}
	f.done = true
	_, err := io.Copy(io.Discard, struct{ io.Reader }{f})
	if cerr := f.File.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	f.h.mu.Lock()
	defer f.h.mu.Unlock()
	f.h.files[f.name] = File{Path: f.name, SHA256: attest.Hash(f.sum.Sum(nil)), Size: f.size}
	return nil
}

// openPlain opens a file and undoes gzip and Zstandard.
func openPlain(fsys fs.FS, name string) (io.ReadCloser, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	plain, err := decompress(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return &plainFile{plain, f}, nil
}

type plainFile struct {
	io.ReadCloser
	file fs.File
}

func (p *plainFile) Close() error {
	p.ReadCloser.Close() // holds no file: what it says of damage was said when reading
	return p.file.Close()
}

// readValue reads a whole file of limited size that is one JSON value.
func readValue(fsys fs.FS, name string) (foreign, error) {
	data, err := readPlain(fsys, name)
	if err != nil {
		return nil, err
	}
	return checkForeign(data)
}

// readPlain returns all of a file of limited size, decompressed.
func readPlain(fsys fs.FS, name string) (data []byte, err error) {
	r, err := openPlain(fsys, name)
	if err != nil {
		return nil, err
	}
	defer func() {
		if cerr := r.Close(); err == nil {
			err = cerr
		}
	}()
	data, err = io.ReadAll(io.LimitReader(r, MaxResults+1))
	if err == nil && len(data) > MaxResults {
		err = fmt.Errorf("is larger than %d bytes", MaxResults)
	}
	return data, err
}

// uncompressedName is a file's name without what says that it is compressed.
func uncompressedName(name string) string {
	if ext := path.Ext(name); ext == ".gz" || ext == ".zst" {
		return strings.TrimSuffix(name, ext)
	}
	return name
}

// headSize is how much of a file importers see before they claim it; textHeadSize of
// one in which text may stand before what they look for.
const (
	headSize     = 4096
	textHeadSize = 256 << 10
)

// head returns the first bytes of a file, decompressed.
func head(fsys fs.FS, name string) ([]byte, error) {
	r, err := openPlain(fsys, name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	size := int64(headSize)
	switch path.Ext(uncompressedName(name)) {
	case ".md", ".html", ".htm":
		size = textHeadSize
	}
	return io.ReadAll(io.LimitReader(r, size))
}
