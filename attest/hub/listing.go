package hub

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model"
)

const (
	// MaxListing bounds a listing that Parse reads.
	MaxListing = 64 << 20

	maxFiles = 1 << 20
	maxPath  = 4096
)

// Kinds of Listing.
const (
	KindAPI      = "hub listing"  // of the Hub's API: T1
	KindGit      = "git tree"     // read from git's own objects: T2
	KindPointers = "LFS pointers" // one, or a folder with some of them
	KindFiles    = "files"        // all of them, read: T4
	KindSums     = "SHA-256 list" // of whoever made it
)

// Listing is what somebody says of a model's files.
type Listing struct {
	Kind     string
	Repo     string // ORG/NAME, where the listing says it
	Revision string // the commit, 40 hex digits, where the listing says it
	Files    []File // sorted by path bytes

	// Partial says why files may be missing from the listing; empty when it is of
	// all files. What a partial listing leaves out is not absent.
	Partial string
}

// Tier is how a listing was made, as PROTOCOL §3 numbers it; 0 where it has no number.
func (l *Listing) Tier() int {
	switch l.Kind {
	case KindAPI:
		return 1
	case KindGit:
		return 2
	case KindFiles:
		return 4
	}
	return 0
}

// File is one listed file. What the listing does not say is nil.
type File struct {
	Path   string
	Size   *uint64
	SHA256 *attest.Hash
	Blob   *model.GitBlob // of the file itself, never of an LFS pointer to it
}

// Parse reads a saved listing: an answer of the Hub's API, an LFS pointer or a list of
// SHA-256. name is that of the file it was read from; a pointer is about a file of
// this name.
func Parse(name string, data []byte) (*Listing, error) {
	if len(data) > MaxListing {
		return nil, fmt.Errorf("listing of %d bytes, the most is %d", len(data), MaxListing)
	}
	trimmed := bytes.TrimLeft(data, " \t\r\n")
	switch {
	case len(trimmed) == 0:
		return nil, errors.New("listing is empty")
	case trimmed[0] == '{' || trimmed[0] == '[':
		return parseAPI(data, trimmed[0] == '[')
	case isPointer(data):
		f, _, err := Pointer(data)
		if err != nil {
			return nil, err
		}
		f.Path = name
		l := &Listing{Kind: KindPointers, Files: []File{f}, Partial: "one LFS pointer is of one file"}
		return l, l.Check()
	}
	return parseSums(data)
}

// Check puts the files in order and refuses those that no repository can have.
func (l *Listing) Check() error {
	if len(l.Files) == 0 {
		return errors.New("listing names no files")
	}
	if len(l.Files) > maxFiles {
		return fmt.Errorf("listing of %d files, the most is %d", len(l.Files), maxFiles)
	}
	slices.SortFunc(l.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	for i, f := range l.Files {
		if !fs.ValidPath(f.Path) || f.Path == "." || len(f.Path) > maxPath || !utf8.ValidString(f.Path) {
			return fmt.Errorf("file %.200q: not a path inside a repository", f.Path)
		}
		if i > 0 && l.Files[i-1].Path == f.Path {
			return fmt.Errorf("file %.200q is listed twice", f.Path)
		}
	}
	return nil
}
