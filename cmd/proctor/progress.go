package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

func quietFlag() cli.Flag { return &cli.BoolFlag{Name: "quiet", Usage: "print the answer alone"} }

// note tells a person something beside the answer.
func (e *env) note(c *cli.Context, format string, args ...any) {
	if !c.Bool("quiet") {
		fmt.Fprintln(e.stderr, printable(fmt.Sprintf(format, args...)))
	}
}

// interactive reports whether stderr is a terminal that wants to be drawn on.
func (e *env) interactive(c *cli.Context) bool {
	f, ok := e.stderr.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && !c.Bool("quiet") && os.Getenv("NO_COLOR") == "" && os.Getenv("CI") == ""
}

// bar is a progress bar on stderr; without a terminal it draws nothing.
type bar struct {
	mu    sync.Mutex
	e     *env
	label string
	total int64
	start time.Time
	last  time.Time
	drawn bool
	show  bool
}

func (e *env) progress(c *cli.Context, label string, total int64) *bar {
	now := e.now()
	return &bar{e: e, label: label, total: total, show: e.interactive(c), start: now, last: now}
}

func (b *bar) rows(rows int, read int64) { b.draw(read, b.total, fmt.Sprintf("%d rows", rows)) }

func (b *bar) bytes(read, total int64) { b.draw(read, total, size(read)) }

func (b *bar) draw(at, total int64, text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.e.now()
	// Work of less than half a second needs no bar.
	if !b.show || now.Sub(b.last) < 500*time.Millisecond {
		return
	}
	b.last, b.drawn = now, true
	if total > 0 {
		const width = 30
		full := int(min(at*width/total, width))
		text = fmt.Sprintf("[%s%s] %s", strings.Repeat("#", full), strings.Repeat(".", width-full), text+pace(at, total, now.Sub(b.start)))
	}
	fmt.Fprintf(b.e.stderr, "\r\x1b[K%s %s", b.label, text)
}

// pace is how fast the work goes, and how long it will take if it goes on so.
func pace(at, total int64, elapsed time.Duration) string {
	if at <= 0 || elapsed <= 0 {
		return ""
	}
	perSecond := float64(at) / elapsed.Seconds()
	left := time.Duration(float64(max(total-at, 0)) / perSecond * float64(time.Second))
	return fmt.Sprintf(", %s/s, %s left", size(int64(perSecond)), left.Round(time.Second))
}

func (b *bar) done() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.drawn {
		fmt.Fprint(b.e.stderr, "\r\x1b[K")
	}
	b.show = false
}

func size(n int64) string {
	const unit = 1 << 10
	for _, name := range []string{"B", "KiB", "MiB"} {
		if n < unit*10 {
			return fmt.Sprintf("%d %s", n, name)
		}
		n /= unit
	}
	return fmt.Sprintf("%d GiB", n)
}

func fileSize(name string) int64 {
	if info, err := os.Stat(name); err == nil {
		return info.Size()
	}
	return 0
}
