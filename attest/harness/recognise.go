package harness

import (
	"io/fs"
	"slices"
)

// Recognise returns the importer that Import asks to read a file; ok is false where
// none knows it.
func Recognise(fsys fs.FS, name string) (im Importer, ok bool, err error) {
	first, err := head(fsys, name)
	if err != nil {
		return Importer{}, false, err
	}
	im, ok = recognise(name, first)
	return im, ok, nil
}

func recognise(name string, first []byte) (Importer, bool) {
	importers := Importers()
	i := slices.IndexFunc(importers, func(im Importer) bool { return im.Claims(uncompressedName(name), first) })
	if i < 0 {
		return Importer{}, false
	}
	return importers[i], true
}
