// Package gittree lists the files of a commit from git's own objects, for package hub:
// the files that are in git with their bytes, those in Git LFS by their pointers. No
// checkout is needed, and none is believed.
//
// It promises that the listing is of the very commit that was asked for: every object on
// the way from the commit to each file is read as package gitobject reads them. It needs
// all objects of the commit to be there, and follows no reference: a branch is whatever
// its repository says today.
//
// It leaves open whether the bytes in Git LFS are those that the pointers name.
package gittree

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/gitobject"
	"github.com/proctor-attest/proctor/attest/hub"
	"github.com/proctor-attest/proctor/attest/model"
)

const (
	maxBlob  = 1 << 30 // of a file that is in git and not in Git LFS
	maxFiles = 1 << 20
	maxDepth = 64
)

// Read lists the files of a commit in the repository at dir, which is bare or has a
// folder .git.
func Read(ctx context.Context, dir, commit string) (*hub.Listing, error) {
	if !hub.IsCommit(commit) {
		return nil, fmt.Errorf("revision %.80q is not a commit of 40 hex digits: a branch or a tag can be moved (\"git rev-parse NAME\" prints its commit)", commit)
	}
	folder, err := objectsOf(dir)
	if err != nil {
		return nil, err
	}
	store, err := gitobject.Open(folder)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	r := &reader{ctx: ctx, store: store, listing: &hub.Listing{Kind: hub.KindGit, Revision: commit}}
	top, err := store.Commit(plumbing.NewHash(commit))
	if err == nil {
		err = r.walk(top.TreeHash, "", 0)
	}
	if errors.Is(err, gitobject.ErrAbsent) {
		err = fmt.Errorf("%w (a shallow or partial clone? fetch the commit in full, with GIT_LFS_SKIP_SMUDGE=1 to leave out what is in Git LFS)", err)
	}
	if err != nil {
		return nil, err
	}
	return r.listing, r.listing.Check()
}

// objectsOf finds the folder in which git keeps a repository.
func objectsOf(dir string) (string, error) {
	for _, folder := range []string{filepath.Join(dir, ".git"), dir} {
		info, err := os.Lstat(filepath.Join(folder, "objects"))
		if err == nil && info.IsDir() {
			return folder, nil
		}
	}
	if info, err := os.Lstat(filepath.Join(dir, ".git")); err == nil && info.Mode().IsRegular() {
		return "", errors.New("a linked worktree or a submodule: give the directory of the repository itself")
	}
	return "", errors.New("not a git repository")
}

type reader struct {
	ctx     context.Context
	store   *gitobject.Store
	listing *hub.Listing
}

func (r *reader) walk(id plumbing.Hash, folder string, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%q: folders inside each other %d deep", folder, depth)
	}
	if err := r.ctx.Err(); err != nil {
		return err
	}
	entries, err := r.store.Tree(id)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(folder, e.Name)
		if len(r.listing.Files) >= maxFiles {
			return fmt.Errorf("more than %d files", maxFiles)
		}
		switch e.Mode {
		case filemode.Dir:
			err = r.walk(e.Hash, name, depth+1)
		case filemode.Regular, filemode.Executable, filemode.Deprecated:
			err = r.file(e.Hash, name)
		case filemode.Symlink:
			err = fmt.Errorf("%q is a symbolic link", name)
		default:
			err = fmt.Errorf("%q is neither a file nor a folder (mode %s)", name, e.Mode)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// file lists a blob: by what it points to, or by its bytes.
func (r *reader) file(id plumbing.Hash, name string) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	whole, head := sha256.New(), &start{}
	n, err := r.store.Copy(io.MultiWriter(whole, head), plumbing.BlobObject, id, maxBlob)
	if err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	if n < hub.MaxPointer {
		if f, ok, err := hub.Pointer(head.data); ok {
			f.Path = name
			r.listing.Files = append(r.listing.Files, f)
			if err != nil {
				return fmt.Errorf("%q: %w", name, err)
			}
			return nil
		}
	}
	size, sum, blob := uint64(n), attest.Hash(whole.Sum(nil)), model.GitBlob(id)
	r.listing.Files = append(r.listing.Files, hub.File{Path: name, Size: &size, SHA256: &sum, Blob: &blob})
	return nil
}

// start keeps the beginning of what is written to it.
type start struct{ data []byte }

func (s *start) Write(p []byte) (int, error) {
	s.data = append(s.data, p[:min(len(p), hub.MaxPointer-len(s.data))]...)
	return len(p), nil
}
