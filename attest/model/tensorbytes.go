package model

import (
	"fmt"
	"io"
	"io/fs"
)

// TensorBytes opens the bytes of a tensor: its name in the weights, or that of an
// adapter's tensor behind its role, as in "adapter/0 NAME". They may no longer be those
// that were hashed. The caller closes it.
func (l *Layout) TensorBytes(name string) (io.ReadCloser, error) {
	l.once.Do(func() {
		l.tensors = map[string]tensorPlace{}
		l.index(l.plan.weights, "")
		for i, a := range l.plan.adapters {
			l.index(a.weights, fmt.Sprintf("%s%d ", adapterRole, i))
		}
	})
	at, ok := l.tensors[name]
	if !ok {
		return nil, fmt.Errorf("tensor %.200q: not there any longer", name)
	}
	f, err := l.fsys.Open(at.file)
	if err != nil {
		return nil, err
	}
	src, ok := f.(io.ReaderAt)
	if !ok {
		f.Close()
		return nil, fmt.Errorf("%q: a file system without random access", at.file)
	}
	return sectionFile{io.NewSectionReader(src, int64(at.begin), int64(at.size)), f}, nil
}

type tensorPlace struct {
	file        string
	begin, size uint64
}

func (l *Layout) index(w part, prefix string) {
	for _, file := range w.files {
		in := l.plan.read[file]
		for i, t := range in.tensors {
			p := in.pieces[in.at[i]]
			l.tensors[prefix+t.Name] = tensorPlace{file, p.begin, p.size}
		}
	}
}

type sectionFile struct {
	*io.SectionReader
	file fs.File
}

// Close implements io.Closer.
func (s sectionFile) Close() error { return s.file.Close() }
