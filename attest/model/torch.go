package model

import (
	"errors"
	"io/fs"
)

var torchSuffixes = []string{".bin", ".pt", ".pth", ".ckpt"}

func readTorch(src source) (*layout, error) { return nil, errors.New("not yet") }

func (p *plan) findTorch(fsys fs.FS, entries []entry, root func(string) []string) error { return nil }
