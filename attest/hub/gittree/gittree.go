// Package gittree lists the files of a commit from git's own objects, for package hub:
// the files that are in git with their bytes, those in Git LFS by their pointers. No
// checkout is needed, and none is believed.
//
// It promises that the listing is of the very commit that was asked for: the id of every
// object on the way from the commit to each file is recomputed from its bytes, by a
// SHA-1 that notices the known ways to make collisions. It needs all objects of the
// commit to be there, and reads nothing outside of the repository's folder. It runs no
// hook, no filter and no git, and follows no reference: a branch is whatever its
// repository says today.
//
// It leaves open whether the bytes in Git LFS are those that the pointers name.
package gittree

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/hub"
	"github.com/proctor-attest/proctor/attest/model"
)

const (
	maxObject = 64 << 20 // of a commit or a tree
	maxBlob   = 1 << 30  // of a file that is in git and not in Git LFS
	maxFiles  = 1 << 20
	maxDepth  = 64

	// Larger objects are read in pieces.
	maxInMemory = 4 << 20
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
	store := filesystem.NewStorageWithOptions(osfs.New(folder, osfs.WithBoundOS()), cache.NewObjectLRU(16<<20),
		filesystem.Options{LargeObjectThreshold: maxInMemory})
	defer store.Close()
	r := &reader{ctx: ctx, store: store, listing: &hub.Listing{Kind: hub.KindGit, Revision: commit}}
	tree, err := r.treeOf(plumbing.NewHash(commit))
	if err != nil {
		return nil, fmt.Errorf("commit %s: %w", commit, err)
	}
	if err := r.walk(tree, "", 0); err != nil {
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
	store   *filesystem.Storage
	listing *hub.Listing
}

// open finds an object of a type. What it is called is not yet what it is: whoever reads
// it compares the id.
func (r *reader) open(id plumbing.Hash, kind plumbing.ObjectType) (plumbing.EncodedObject, error) {
	if err := r.ctx.Err(); err != nil {
		return nil, err
	}
	size, err := r.store.EncodedObjectSize(id)
	if err == nil && size > maxBlob {
		return nil, fmt.Errorf("object %s of %d bytes, the most is %d", id, size, maxBlob)
	}
	var o plumbing.EncodedObject
	if err == nil {
		o, err = r.store.EncodedObject(plumbing.AnyObject, id)
	}
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return nil, fmt.Errorf("object %s is not in the repository (a shallow or partial clone? fetch the commit in full, with GIT_LFS_SKIP_SMUDGE=1 to leave out what is in Git LFS)", id)
	}
	if err != nil {
		return nil, fmt.Errorf("object %s: %w", id, err)
	}
	if o.Type() != kind {
		return nil, fmt.Errorf("object %s is a %s, want a %s", id, o.Type(), kind)
	}
	return o, nil
}

// small reads an object that is parsed.
func (r *reader) small(id plumbing.Hash, kind plumbing.ObjectType) ([]byte, error) {
	o, err := r.open(id, kind)
	if err != nil {
		return nil, err
	}
	if o.Size() > maxObject {
		return nil, fmt.Errorf("%s %s of %d bytes, the most is %d", kind, id, o.Size(), maxObject)
	}
	in, err := o.Reader()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, maxObject+1))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", kind, id, err)
	}
	if got := plumbing.ComputeHash(kind, data); got != id {
		return nil, fmt.Errorf("%s %s is damaged or forged: its bytes have the id %s", kind, id, got)
	}
	return data, nil
}

// treeOf reads the first line of a commit, which names its tree.
func (r *reader) treeOf(commit plumbing.Hash) (plumbing.Hash, error) {
	data, err := r.small(commit, plumbing.CommitObject)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	id, ok := bytes.CutPrefix(line, []byte("tree "))
	if !ok || !hub.IsCommit(string(id)) {
		return plumbing.ZeroHash, errors.New("names no tree in its first line")
	}
	return plumbing.NewHash(string(id)), nil
}

func (r *reader) walk(id plumbing.Hash, folder string, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%q: folders inside each other %d deep", folder, depth)
	}
	data, err := r.small(id, plumbing.TreeObject)
	if err != nil {
		return err
	}
	var encoded plumbing.MemoryObject
	encoded.SetType(plumbing.TreeObject)
	encoded.Write(data)
	var tree object.Tree
	if err := tree.Decode(&encoded); err != nil {
		return fmt.Errorf("tree %s: %w", id, err)
	}
	for _, e := range tree.Entries {
		name := path.Join(folder, e.Name)
		if e.Name == "" || e.Name == "." || e.Name == ".." || path.Base(e.Name) != e.Name {
			return fmt.Errorf("tree %s: %.200q is not a name of a file", id, e.Name)
		}
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
	o, err := r.open(id, plumbing.BlobObject)
	if err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	in, err := o.Reader()
	if err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	defer in.Close()
	git, whole := plumbing.NewHasher(plumbing.BlobObject, o.Size()), sha256.New()
	head := &start{}
	n, err := io.Copy(io.MultiWriter(git, whole, head), in)
	if err != nil {
		return fmt.Errorf("%q: object %s: %w", name, id, err)
	}
	if got := git.Sum(); got != id || n != o.Size() {
		return fmt.Errorf("%q: object %s is damaged or forged: its %d bytes have the id %s", name, id, n, got)
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
