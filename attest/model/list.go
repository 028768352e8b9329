package model

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// entry is a file of the directory before it is read.
type entry struct {
	path string
	size int64
	mod  time.Time
	stamp
}

// stamp is what only the operating system sets; zero where it tells nothing.
type stamp struct {
	Device  uint64 `json:"device"`
	Inode   uint64 `json:"inode"`
	Changed int64  `json:"changed"` // in nanoseconds since 1970
}

func newEntry(name string, info fs.FileInfo) entry {
	return entry{name, info.Size(), info.ModTime(), stampOf(info)}
}

// same reports whether info still describes e.
func (e entry) same(info fs.FileInfo) bool {
	return info.Mode().IsRegular() && e.equal(newEntry(e.path, info))
}

func (e entry) equal(other entry) bool {
	return e.size == other.size && e.mod.Equal(other.mod) && e.stamp == other.stamp
}

// skipped reports whether a path at the top of the directory is not part of the
// model: what git and the Hub's download client keep for themselves.
func skipped(name string, dir bool) bool { return name == ".git" || name == ".cache" && dir }

// list finds every file below fsys, sorted by path bytes.
func list(fsys fs.FS) ([]entry, error) {
	var entries []entry
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if skipped(name, d.IsDir()) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !utf8.ValidString(name) {
			return fmt.Errorf("file name %q is not UTF-8 (rename it)", name)
		}
		if d.IsDir() {
			return nil
		}
		info, err := stat(fsys, name, d)
		if err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
		entries = append(entries, newEntry(name, info))
		return nil
	})
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.path, b.path) })
	if err == nil {
		err = checkTwins(entries)
	}
	return entries, err
}

// checkTwins refuses two files of which only one can exist where case does not
// matter: what is loaded there would depend on which was copied last.
func checkTwins(entries []entry) error {
	first := make(map[string]string, len(entries))
	for _, e := range entries {
		lower := strings.ToLower(e.path)
		if twin, ok := first[lower]; ok {
			return fmt.Errorf("%q and %q differ in case alone: remove or rename one", twin, e.path)
		}
		first[lower] = e.path
	}
	return nil
}

// stat describes the file behind a directory entry.
func stat(fsys fs.FS, name string, d fs.DirEntry) (fs.FileInfo, error) {
	if d.Type() == fs.ModeSymlink {
		return follow(fsys, name)
	}
	if !d.Type().IsRegular() {
		return nil, fmt.Errorf("neither a regular file nor a directory (%v): remove it", d.Type())
	}
	// Not d.Info: Windows may keep an old size in the folder for a while.
	return fs.Stat(fsys, name)
}

// follow describes the file that a link leads to. Only a Dir is known to keep
// links inside: os.DirFS would follow one to any file of the machine, and the
// package would then name bytes that are not in the directory.
func follow(fsys fs.FS, name string) (fs.FileInfo, error) {
	dir, ok := fsys.(*Dir)
	if !ok {
		return nil, errors.New("symbolic link in a file system that may not keep it inside: replace it by the file")
	}
	info, err := dir.Stat(name)
	if err != nil {
		var at *fs.PathError
		if errors.As(err, &at) {
			err = at.Err
		}
		return nil, fmt.Errorf("symbolic link that cannot be followed inside the model's directory (%w): replace it by the file", err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("symbolic link to something that is not a regular file: replace it by what it stands for")
	}
	return info, nil
}

// checkUnchanged compares the listings from before and after the files were
// read: a directory that is being written has no one digest.
func checkUnchanged(before, after []entry) error {
	now := make(map[string]entry, len(after))
	for _, e := range after {
		now[e.path] = e
	}
	for _, e := range before {
		a, ok := now[e.path]
		if !ok {
			return fmt.Errorf("%q: removed while the directory was being read", e.path)
		}
		if !a.equal(e) {
			return changedError(e.path)
		}
		delete(now, e.path)
	}
	for _, e := range after {
		if _, added := now[e.path]; added {
			return fmt.Errorf("%q: added while the directory was being read", e.path)
		}
	}
	return nil
}

func changedError(name string) error {
	return fmt.Errorf("%q: changed while it was being read (wait until nothing writes to the directory)", name)
}

// atRoot reports whether a path has no folder.
func atRoot(name string) bool { return !strings.Contains(name, "/") }

// weightSuffixes are the endings, in lower case, of files that hold weights in
// some format.
var weightSuffixes = []string{
	".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib",
	".gguf", ".ggml", ".llamafile", ".onnx", ".onnx_data", ".onnx.data",
	".h5", ".hdf5", ".keras", ".pb", ".tflite", ".msgpack", ".ot", ".npz", ".npy",
	".mlmodel", ".nemo", ".mar", ".engine", ".plan", ".pte", ".pt2", ".pdparams", ".pdiparams",
	".params", ".mnn", ".ncnn", ".rknn", ".dlc", ".xnnpack", ".litertlm", ".task",
}

// looksLikeWeights goes by the name: what matters is what a loader would pick.
func looksLikeWeights(name string) bool {
	lower := strings.ToLower(path.Base(name))
	if strings.Contains(lower, ".data-0") || strings.Contains(lower, ".gguf-split-") {
		return true // shards of a TensorFlow checkpoint, of a cut GGUF
	}
	return slices.ContainsFunc(weightSuffixes, func(s string) bool { return strings.HasSuffix(lower, s) })
}
