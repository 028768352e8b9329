package testset

import (
	"bufio"
	"io"
	"os"
	"runtime"
)

// writeFile writes a new file and returns when it is on the disk.
func writeFile(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	ahead := newSyncAhead(f)
	w := bufio.NewWriterSize(ahead, 1<<16)
	err = write(w)
	if err == nil {
		err = w.Flush()
	}
	if syncErr := ahead.wait(); err == nil {
		err = syncErr
	}
	if err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

// syncAhead syncs a file while it is being written. Otherwise the disk has nothing to
// do until the last byte is there, and then takes as long as all the work before.
type syncAhead struct {
	f        *os.File
	unsynced int
	synced   chan error // what the last sync said; empty while one goes on
}

func newSyncAhead(f *os.File) *syncAhead {
	s := &syncAhead{f: f, synced: make(chan error, 1)}
	s.synced <- nil
	return s
}

func (s *syncAhead) Write(p []byte) (int, error) {
	n, err := s.f.Write(p)
	if s.unsynced += n; err != nil || s.unsynced < 32<<20 {
		return n, err
	}
	select {
	case err = <-s.synced:
		s.unsynced = 0
		// An error is told once: what a later sync says is no answer to this one.
		go func() {
			if err == nil {
				err = s.f.Sync()
			}
			s.synced <- err
		}()
	default:
	}
	return n, nil
}

// wait waits for the last sync.
func (s *syncAhead) wait() error { return <-s.synced }

func syncDir(dir string) error {
	if runtime.GOOS == "windows" || runtime.GOOS == "js" {
		return nil // directories cannot be synced there
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
