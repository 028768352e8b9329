// Package gittables reads what published tables were at earlier times out of a git
// repository: the versions of their files along the first parents of HEAD, so that
// "before" is what the branch showed before.
//
// The repository is only read, as package gitobject reads it: nothing is checked out,
// written or fetched. What a commit says of its date is the committer's word.
//
// It is a leaf: nothing but the command line imports it, as go-git is large.
package gittables

import (
	"sync"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/proctor-attest/proctor/attest/gitobject"
)

// Limits of what is read. Beyond those of one object it is not read, beyond the others
// a history ends, and both are told.
const (
	maxCommits = 50_000
	maxBlob    = 32 << 20  // bytes of a file that has a history
	maxBytes   = 4 << 30   // of all versions of all tables
	maxRows    = 4_000_000 // of all versions that are kept
	maxChanges = 200_000   // files that one commit changes
	maxFolders = 200_000
	maxDepth   = 64      // of folders
	maxFile    = 1 << 30 // bytes of a file at HEAD
)

// Repo is a repository, safe for concurrent use.
type Repo struct {
	store *gitobject.Store
	head  plumbing.Hash
	edge  map[plumbing.Hash]bool // commits whose parents a shallow clone left out
	trees treeCache

	mu     sync.Mutex
	absent map[string]bool // files of HEAD that are not in this copy
}

// Open opens a repository by the folder with its objects: .git, or all of a bare one.
func Open(dir string) (*Repo, error) {
	store, err := gitobject.Open(dir)
	if err != nil {
		return nil, err
	}
	head, err := store.Head()
	if err != nil {
		return nil, err
	}
	shallow, err := store.Shallow()
	if err != nil {
		return nil, err
	}
	r := &Repo{store: store, head: head, edge: map[plumbing.Hash]bool{}, absent: map[string]bool{}}
	for _, h := range shallow {
		r.edge[h] = true
	}
	return r, nil
}

// Head is the commit that is checked out, or would be.
func (r *Repo) Head() string { return r.head.String() }

// Close lets go of files.
func (r *Repo) Close() error { return r.store.Close() }
