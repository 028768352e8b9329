package main

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	const mib = 1 << 20
	tests := []struct {
		at, total int64
		elapsed   time.Duration
		want      string
	}{
		{0, 10, time.Second, ""},
		{10, 10, 0, ""},
		{100 * mib, 400 * mib, 2 * time.Second, ", 50 MiB/s, 6s left"},
		{100 * mib, 100 * mib, time.Second, ", 100 MiB/s, 0s left"},
		{101, 100, time.Second, ", 101 B/s, 0s left"}, // a file that grew
		{1 << 30, 800 << 30, time.Second, ", 1024 MiB/s, 13m19s left"},
	}
	for _, test := range tests {
		if got := pace(test.at, test.total, test.elapsed); got != test.want {
			t.Errorf("pace(%d, %d, %v) = %q, want %q", test.at, test.total, test.elapsed, got, test.want)
		}
	}
}
