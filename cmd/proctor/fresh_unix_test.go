//go:build unix

package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Whoever does not want to wait says so with SIGHUP.
func TestFreshSIGHUP(t *testing.T) {
	mine := make(chan os.Signal, 1)
	signal.Notify(mine, syscall.SIGHUP) // so that it does not end the test
	defer signal.Stop(mine)
	var read atomic.Int64
	f, err := newFresh("nothing", func() (*int64, error) {
		n := read.Add(1)
		return &n, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.follow(ctx, slog.New(slog.DiscardHandler))
	}()
	for range 100 {
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
		if *f.get() > 1 {
			break
		}
	}
	stop()
	<-done
	if *f.get() < 2 {
		t.Error("SIGHUP does not have files read again")
	}
}
