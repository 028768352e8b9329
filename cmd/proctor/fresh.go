package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// freshEvery is how often a service looks whether its files have changed.
const freshEvery = time.Second

// fresh is what files say, which a service reads again when they change and on SIGHUP.
// When they cannot be read, what they said before stays.
type fresh[T any] struct {
	what  string // for people
	names []string
	read  func() (*T, error)
	first string // state of the files before they were read
	value atomic.Pointer[T]
	reads atomic.Int64
	stale atomic.Bool // the files say something else, which cannot be read
}

// newFresh reads the files for the first time.
func newFresh[T any](what string, read func() (*T, error), names ...string) (*fresh[T], error) {
	f := &fresh[T]{what: what, names: names, read: read}
	f.first = f.state()
	v, err := read()
	if err != nil {
		return nil, err
	}
	f.value.Store(v)
	f.reads.Store(1)
	return f, nil
}

func (f *fresh[T]) get() *T { return f.value.Load() }

// follow reads the files again, until ctx ends. Two files are seldom changed at once, and
// a big one not in a moment: it waits until they are the same twice.
func (f *fresh[T]) follow(ctx context.Context, log *slog.Logger) {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGHUP)
	defer signal.Stop(told)
	tick := time.NewTicker(freshEvery)
	defer tick.Stop()
	read := f.first
	for last := read; ; {
		select {
		case <-ctx.Done():
			return
		case <-told:
			read = f.state()
			f.again(log)
		case <-tick.C:
			now := f.state()
			if now != read && now == last {
				read = now
				f.again(log)
			}
			last = now
		}
	}
}

func (f *fresh[T]) again(log *slog.Logger) {
	v, err := f.read()
	f.stale.Store(err != nil)
	if err != nil {
		log.Error(f.what+" cannot be read again; what it was stays in force", "why", err.Error())
		return
	}
	f.value.Store(v)
	f.reads.Add(1)
	log.Info(f.what+" read again", "files", strings.Join(f.names, " "))
}

// state tells one version of the files from another, whatever the clock said when they
// were written.
func (f *fresh[T]) state() string {
	var b strings.Builder
	for _, name := range f.names {
		info, err := os.Stat(name)
		if err != nil {
			fmt.Fprintln(&b, "none")
			continue
		}
		fmt.Fprintln(&b, info.ModTime().UnixNano(), info.Size(), fileNumber(info))
	}
	return b.String()
}
