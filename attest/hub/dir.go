package hub

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model"
)

// ReadDir lists a directory by the bytes of its files, and by what a Git LFS pointer
// says where there is one in the place of a file. It leaves out what a model's package
// leaves out: .git, and .cache at the top. progress is told how many bytes were read;
// it may be nil.
func ReadDir(ctx context.Context, fsys *model.Dir, progress func(read, total int64)) (*Listing, error) {
	l := &Listing{Kind: KindFiles}
	var read int64
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == ".git" || name == ".cache" && d.IsDir():
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			return nil
		case len(l.Files) == maxFiles:
			return fmt.Errorf("more than %d files", maxFiles)
		}
		f, err := readFile(ctx, fsys, name, func(n int64) {
			if read += n; progress != nil {
				progress(read, 0)
			}
		})
		if err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
		if f.Blob == nil {
			l.Kind = KindPointers
		}
		l.Files = append(l.Files, f)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return l, l.Check()
}

func readFile(ctx context.Context, fsys fs.FS, name string, advance func(int64)) (File, error) {
	// Before it is opened: a FIFO would wait for ever.
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return File{}, err
	}
	if !info.Mode().IsRegular() {
		return File{}, fmt.Errorf("not a regular file (%v)", info.Mode().Type())
	}
	f, err := fsys.Open(name)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	head := make([]byte, MaxPointer)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return File{}, err
	}
	head = head[:n]
	if out, ok, err := Pointer(head); ok && n < MaxPointer {
		out.Path = name
		return out, err
	}
	return hashFile(ctx, name, info.Size(), io.MultiReader(bytes.NewReader(head), f), advance)
}

// hashFile reads a file of a known size and hashes it both ways.
func hashFile(ctx context.Context, name string, size int64, r io.Reader, advance func(int64)) (File, error) {
	whole, git := sha256.New(), sha1.New()
	fmt.Fprintf(git, "blob %d\x00", size)
	to := io.Writer(whole)
	if size <= model.MaxBlob {
		to = io.MultiWriter(whole, git)
	}
	var total int64
	buf := make([]byte, 1<<20)
	for {
		n, err := r.Read(buf)
		to.Write(buf[:n])
		total += int64(n)
		advance(int64(n))
		if err == io.EOF {
			break
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return File{}, err
		}
	}
	if total != size {
		return File{}, fmt.Errorf("%d bytes came, %d were listed: the file changed while it was being read", total, size)
	}
	bytes, hash, blob := uint64(size), attest.Hash(whole.Sum(nil)), model.GitBlob{}
	if size <= model.MaxBlob {
		blob = model.GitBlob(git.Sum(nil))
	}
	return File{Path: name, Size: &bytes, SHA256: &hash, Blob: &blob}, nil
}
