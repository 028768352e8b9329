package trillian

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/durable"
)

// A stage is where files wait until the tree that they are of is proven. They may be
// cached for ever once anybody has read them.
type stage struct {
	dir   string // of the ledger
	room  chan struct{}
	wg    sync.WaitGroup
	paths []string

	mu  sync.Mutex
	err error
}

// writers is how many files are synced side by side.
const writers = 8

// newStage begins anew: what a process left there that was killed is not proven.
func newStage(dir string) (*stage, error) {
	at := filepath.Join(dir, stageName)
	if err := os.RemoveAll(at); err != nil {
		return nil, err
	}
	return &stage{dir: dir, room: make(chan struct{}, writers)}, nil
}

// write takes over data.
func (s *stage) write(path string, data []byte) error {
	s.paths = append(s.paths, path)
	s.room <- struct{}{}
	s.wg.Go(func() {
		defer func() { <-s.room }()
		if err := writeSynced(filepath.Join(s.dir, stageName, filepath.FromSlash(path)), data); err != nil {
			s.mu.Lock()
			s.err = errors.Join(s.err, err)
			s.mu.Unlock()
		}
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func writeSynced(name string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// wait waits for what is being written.
func (s *stage) wait() error {
	s.wg.Wait()
	return s.err
}

// publish moves the files to their places, which survive a crash when it returns.
func (s *stage) publish() error {
	dirs := map[string]bool{}
	for _, path := range s.paths {
		to := filepath.Join(s.dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(s.dir, stageName, filepath.FromSlash(path)), to); err != nil {
			return err
		}
		for dir := filepath.Dir(to); !dirs[dir] && len(dir) >= len(s.dir); dir = filepath.Dir(dir) {
			dirs[dir] = true
		}
	}
	for dir := range dirs {
		if err := durable.SyncDir(dir); err != nil {
			return err
		}
	}
	return s.drop()
}

// drop forgets the files.
func (s *stage) drop() error {
	s.wg.Wait()
	return os.RemoveAll(filepath.Join(s.dir, stageName))
}

// sweep removes the partial versions of the tiles that were not full in the tree of a
// size, where they are full now.
func sweep(dir string, size uint64) error {
	remove := func(full string) error {
		name := filepath.Join(dir, filepath.FromSlash(full))
		if info, err := os.Lstat(name); err != nil || !info.Mode().IsRegular() {
			return nil
		}
		return os.RemoveAll(name + ".p")
	}
	err := remove(ledger.BundlePath(size/width, 0))
	for level, n := uint64(0), size; n > 0; level, n = level+1, n/width {
		err = errors.Join(err, remove(ledger.TilePath(level, n/width, 0)))
	}
	return err
}

// sweepTemporary removes what processes left in a directory that were killed.
func sweepTemporary(dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.Type().IsRegular() && (strings.HasPrefix(f.Name(), ".new-") || strings.HasPrefix(f.Name(), ".write-")) {
			err = errors.Join(err, os.Remove(filepath.Join(dir, f.Name())))
		}
	}
	return err
}
