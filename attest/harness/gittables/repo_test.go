package gittables

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// builder makes a bare repository with one commit after another, a day apart.
type builder struct {
	t     testing.TB
	dir   string
	store *filesystem.Storage
	tip   []plumbing.Hash
	day   int
}

func newBuilder(t testing.TB) *builder {
	t.Helper()
	b := &builder{t: t, dir: t.TempDir()}
	b.store = filesystem.NewStorage(osfs.New(b.dir), cache.NewObjectLRUDefault())
	b.must(b.store.Init())
	b.must(b.store.SetReference(plumbing.NewSymbolicReference(plumbing.HEAD, "refs/heads/main")))
	return b
}

func (b *builder) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *builder) put(o plumbing.EncodedObject) plumbing.Hash {
	b.t.Helper()
	h, err := b.store.SetEncodedObject(o)
	b.must(err)
	return h
}

func (b *builder) blob(text string) plumbing.Hash {
	o := b.store.NewEncodedObject()
	o.SetType(plumbing.BlobObject)
	w, err := o.Writer()
	b.must(err)
	_, err = w.Write([]byte(text))
	b.must(err)
	b.must(w.Close())
	return b.put(o)
}

// tree makes folders of "path: content", and of "path -> target" links.
func (b *builder) tree(files map[string]string) plumbing.Hash {
	here, below := []object.TreeEntry{}, map[string]map[string]string{}
	for name, text := range files {
		dir, rest, deep := strings.Cut(name, "/")
		switch {
		case deep:
			if below[dir] == nil {
				below[dir] = map[string]string{}
			}
			below[dir][rest] = text
		case strings.HasPrefix(text, "-> "):
			here = append(here, object.TreeEntry{Name: name, Mode: filemode.Symlink, Hash: b.blob(text[3:])})
		default:
			here = append(here, object.TreeEntry{Name: name, Mode: filemode.Regular, Hash: b.blob(text)})
		}
	}
	for dir, files := range below {
		here = append(here, object.TreeEntry{Name: dir, Mode: filemode.Dir, Hash: b.tree(files)})
	}
	slices.SortFunc(here, func(x, y object.TreeEntry) int { return strings.Compare(x.Name, y.Name) })
	o := b.store.NewEncodedObject()
	b.must((&object.Tree{Entries: here}).Encode(o))
	return b.put(o)
}

// commit makes one of these files. Others are parents beside the last commit.
func (b *builder) commit(files map[string]string, others ...plumbing.Hash) plumbing.Hash {
	b.t.Helper()
	return b.commitTree(b.tree(files), others...)
}

func (b *builder) commitTree(tree plumbing.Hash, others ...plumbing.Hash) plumbing.Hash {
	b.t.Helper()
	b.day++
	who := object.Signature{Name: "a", Email: "a@example", When: time.Date(2025, 1, b.day, 23, 0, 0, 0, time.FixedZone("", -7200))}
	c := &object.Commit{Author: who, Committer: who, Message: fmt.Sprint("commit ", b.day), TreeHash: tree, ParentHashes: append(b.tip, others...)}
	o := b.store.NewEncodedObject()
	b.must(c.Encode(o))
	h := b.put(o)
	b.must(b.store.SetReference(plumbing.NewHashReference("refs/heads/main", h)))
	b.tip = []plumbing.Hash{h}
	return h
}

func (b *builder) open() *Repo {
	b.t.Helper()
	r, err := Open(b.dir)
	b.must(err)
	b.t.Cleanup(func() { r.Close() })
	return r
}

// csv is a table that the importer of plain tables knows: "model score".
func csv(rows ...string) string {
	var text strings.Builder
	text.WriteString("model,accuracy (%),n\n")
	for _, row := range rows {
		i := strings.LastIndexByte(row, ' ')
		fmt.Fprintf(&text, "%s,%s,1000\n", row[:i], row[i+1:])
	}
	return text.String()
}

func one(name, text string) map[string]string { return map[string]string{path.Clean(name): text} }

// wide is a folder that holds another many times.
func (b *builder) wide(tree plumbing.Hash, times int) plumbing.Hash {
	var all []object.TreeEntry
	for i := range times {
		all = append(all, object.TreeEntry{Name: fmt.Sprintf("%02d", i), Mode: filemode.Dir, Hash: tree})
	}
	o := b.store.NewEncodedObject()
	b.must((&object.Tree{Entries: all}).Encode(o))
	return b.put(o)
}
