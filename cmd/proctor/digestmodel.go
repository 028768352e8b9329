package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest/model"
	"github.com/proctor-attest/proctor/ledger/durable"
)

func weightsFlag() cli.Flag {
	return &cli.StringFlag{Name: "weights", Usage: "which `GGUF` is the model where the directory holds several; of splits the first"}
}

func cacheFlag() cli.Flag {
	return &cli.StringFlag{Name: "cache", Usage: "keep hashes in `FILE`, and believe them of files that look unchanged (inode, size, times)"}
}

// digestModel names the model in a directory. It takes the flags no-package, weights
// and cache from commands that have them.
func (e *env) digestModel(c *cli.Context, dir string) (*model.Model, error) {
	cache, err := e.openCache(c)
	if err != nil {
		return nil, err
	}
	files, err := model.OpenDir(dir)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	bar := e.progress(c, "hashing "+filepath.Base(dir), 0)
	defer bar.done()
	// The lists of tensors are most of what is kept, and the collector would let them
	// grow to twice their size before it looks.
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(160 << 20))
	m, err := model.Digest(c.Context, files, model.Options{
		Weights:        c.String("weights"),
		WithoutPackage: c.Bool("no-package"),
		Cache:          cache,
		Progress:       bar.bytes,
	})
	if err != nil {
		err = fmt.Errorf("%s: %w", dir, err)
		var several *model.SeveralError
		if errors.As(err, &several) {
			return nil, withHint(err, "--weights "+several.Names[0])
		}
		return nil, err
	}
	bar.done()
	for _, code := range m.OutsideCode {
		e.note(c, "code that the model's configuration names and %s does not hold, so that no digest covers it: %s", dir, oneLine(code))
	}
	if cache == nil {
		return m, nil
	}
	if n := cache.Taken(); n > 0 {
		e.note(c, "%d file(s) were not read: %s has their hashes", n, c.String("cache"))
	}
	data, err := cache.Format()
	if err != nil {
		return nil, err
	}
	return m, durable.WriteFile(c.String("cache"), data, 0o600)
}

// openCache reads the cache that a command was told to believe, if any.
func (e *env) openCache(c *cli.Context) (*model.Cache, error) {
	name := c.String("cache")
	if name == "" {
		return nil, nil
	}
	data, err := readLimited(name, 1<<28)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	cache, err := model.ParseCache(data, e.now())
	if err != nil {
		return nil, withHint(fmt.Errorf("%s: %w", name, err), "remove it: every file is read once more")
	}
	return cache, nil
}
