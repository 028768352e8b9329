package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/proctor-attest/proctor/attest"
)

const (
	// leastKept is the size from which on a file's hashes are kept: smaller ones are
	// read again at once.
	leastKept = 1 << 20

	// maxKept is how many files a cache remembers.
	maxKept = 10_000

	// settled is how long a file must have been left alone before it was read. Within
	// the grain of a file system's clock it could change again and look the same.
	settled = 2 * time.Second
)

// Cache remembers the hashes of files, by device, inode, size, time of change and
// time of the inode's change: Digest takes them instead of reading such a file again.
// Programs cannot set the last of these, but whoever can set the clock, write to the
// disk below the file system, or write the cache, chooses what it says. So use it for
// your own files alone. Where the operating system tells no inode, nothing is kept.
//
// ParseCache makes one. It is for one Digest at a time.
type Cache struct {
	// Now is when the caller began, which must be before Digest does.
	Now time.Time

	mu    sync.Mutex
	files map[cacheKey]cached
	used  []cacheKey // the newest last
	taken int
}

type cacheKey struct {
	Size     int64 `json:"size"`
	Modified int64 `json:"modified"` // in nanoseconds since 1970
	stamp
}

// cached are the hashes of one file.
type cached struct {
	cacheKey
	SHA256  *attest.Hash  `json:"sha256,omitempty"` // nil if only pieces were hashed
	GitBlob *GitBlob      `json:"gitBlob,omitempty"`
	Pieces  []cachedPiece `json:"pieces,omitempty"`
}

type cachedPiece struct {
	Begin  uint64      `json:"begin"`
	Size   uint64      `json:"size"`
	SHA256 attest.Hash `json:"sha256"`
}

type cacheFile struct {
	Version int      `json:"version"`
	Files   []cached `json:"files"`
}

// ParseCache reads what Format wrote; nothing is an empty cache.
func ParseCache(data []byte, now time.Time) (*Cache, error) {
	c := &Cache{Now: now, files: map[cacheKey]cached{}}
	if len(data) == 0 {
		return c, nil
	}
	if err := attest.CheckForeignJSON(data); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	var file cacheFile
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	if file.Version != 1 {
		return nil, fmt.Errorf("cache: version %d, want 1", file.Version)
	}
	for _, f := range file.Files {
		if f.Inode == 0 || f.Changed == 0 || (f.SHA256 == nil) != (f.GitBlob == nil) {
			return nil, errors.New("cache: an entry without inode, time or hash")
		}
		c.files[f.cacheKey] = f
		c.used = append(c.used, f.cacheKey)
	}
	return c, nil
}

// Format writes the cache. Of too many entries those stay that were used last.
func (c *Cache) Format() ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := cacheFile{Version: 1, Files: []cached{}}
	seen := map[cacheKey]bool{}
	for _, key := range slices.Backward(c.used) {
		if !seen[key] && len(out.Files) < maxKept {
			out.Files = append(out.Files, c.files[key])
		}
		seen[key] = true
	}
	slices.Reverse(out.Files)
	return json.Marshal(out)
}

// Taken is how many files were not read, because the cache had their hashes.
func (c *Cache) Taken() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.taken
}

func keyOf(e entry) cacheKey { return cacheKey{e.size, e.mod.UnixNano(), e.stamp} }

// lookup fills in the hashes of a file, or says that it must be read. Whole wants
// that of the file beside those of its pieces.
func (c *Cache) lookup(e entry, whole bool, l *layout) (File, bool) {
	if c == nil {
		return File{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := keyOf(e)
	got, ok := c.files[key]
	if !ok || whole && got.SHA256 == nil || l != nil && !got.fits(l) {
		return File{}, false
	}
	c.used = append(c.used, key)
	c.taken++
	if l != nil {
		for i, p := range got.Pieces {
			l.pieces[1+i].sum = p.SHA256
		}
	}
	if !whole {
		return File{}, true
	}
	return File{Path: e.path, Size: uint64(e.size), SHA256: *got.SHA256, GitBlob: *got.GitBlob}, true
}

func (f cached) fits(l *layout) bool {
	return slices.EqualFunc(f.Pieces, l.pieces[1:], func(a cachedPiece, b piece) bool { return a.Begin == b.begin && a.Size == b.size })
}

// keep remembers a file that was read; got is nil if only its pieces were.
func (c *Cache) keep(e entry, got *File, l *layout) {
	if c == nil || e.size < leastKept || e.Inode == 0 || e.Changed > c.Now.Add(-settled).UnixNano() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	f := cached{cacheKey: keyOf(e)}
	f.SHA256, f.GitBlob = c.files[f.cacheKey].SHA256, c.files[f.cacheKey].GitBlob
	if got != nil {
		f.SHA256, f.GitBlob = &got.SHA256, &got.GitBlob
	}
	if l != nil {
		for _, p := range l.pieces[1:] {
			f.Pieces = append(f.Pieces, cachedPiece{p.begin, p.size, p.sum})
		}
	}
	c.files[f.cacheKey] = f
	c.used = append(c.used, f.cacheKey)
}
