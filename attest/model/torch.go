package model

import (
	"archive/zip"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

const (
	torchIndex = ".bin.index.json"
	torchModel = "pytorch_model.bin"

	// maxDirectory bounds what is read to list a zip.
	maxDirectory = 16 << 20
)

var torchSuffixes = []string{".bin", ".pt", ".pth", ".ckpt"}

// training are what trainers leave beside weights.
var training = []string{"training_args.bin", "optimizer.bin", "optimizer.pt", "scheduler.bin", "scheduler.pt", "scaler.pt"}

func fromTraining(name string) bool {
	return slices.Contains(training, name) || strings.HasPrefix(name, "rng_state") && strings.HasSuffix(name, ".pth")
}

// findTorch applies the last rule of role weights: "else the PyTorch zip(s) of the
// index". Without an index that is pytorch_model.bin, or the only one there is.
func (p *plan) findTorch(fsys fs.FS, entries []entry, root func(string) []string) error {
	ix, err := oneIndex(fsys, entries, root(torchIndex), ".bin")
	if err != nil {
		return err
	}
	if ix != nil {
		p.take(formatTorch, readTorch, part{ix.files(), ix})
		return nil
	}
	var files []string
	for _, suffix := range torchSuffixes {
		files = append(files, root(suffix)...)
	}
	slices.Sort(files)
	files = slices.DeleteFunc(files, fromTraining)
	switch {
	case slices.Contains(files, torchModel):
		files = []string{torchModel}
	case len(files) > 1:
		return fmt.Errorf("several PyTorch files (%s) and no index: remove all but the one that is the model", quoteAll(files))
	case len(files) == 0:
		return nil
	}
	p.take(formatTorch, readTorch, part{files: files})
	return nil
}

// readTorch reads where a checkpoint of torch.save (1.6 or later) keeps its
// tensors. The storages lie in the zip as they are; which tensor shows which is in
// a pickle, which is read and not run.
func readTorch(src source, room *room) (*layout, error) {
	files, err := openTorch(src)
	if err != nil {
		return nil, err
	}
	program, err := src.read(files.program.begin, files.program.size)
	if err != nil {
		return nil, err
	}
	tensors, err := readStateDict(program, files.storages, room)
	if err != nil {
		return nil, err
	}
	spans, err := placeTensors(tensors, files.storages)
	if err != nil {
		return nil, err
	}
	return newLayout(spans), nil
}

// place is where a file in a zip has its bytes.
type place struct{ begin, size uint64 }

// torchFiles are what a checkpoint consists of.
type torchFiles struct {
	program  place
	storages map[string]place // by key
}

// openTorch lists the zip. All files that matter are stored as they are, and no
// two share bytes: nothing is unpacked, so that nothing can be a zip bomb.
func openTorch(src source) (*torchFiles, error) {
	if err := checkZip(src); err != nil {
		return nil, err
	}
	z, err := zip.NewReader(&boundedReaderAt{src, maxDirectory}, int64(src.size))
	if err != nil {
		return nil, fmt.Errorf("zip: %w", err)
	}
	files := &torchFiles{storages: map[string]place{}}
	folder, seen := "", map[string]bool{}
	var places []place
	for i, f := range z.File {
		top, name, _ := strings.Cut(f.Name, "/")
		if i == 0 {
			folder = top
		}
		if top != folder || seen[name] || path.Clean(f.Name) != f.Name {
			return nil, fmt.Errorf("zip: %.200q is there twice, or not in the folder %.200q", f.Name, folder)
		}
		seen[name] = true
		if err := checkScript(name); err != nil {
			return nil, err
		}
		at, err := placeOf(f, src)
		if err != nil {
			return nil, fmt.Errorf("zip: %.200q: %w", f.Name, err)
		}
		places = append(places, at)
		if err := files.take(name, at, src); err != nil {
			return nil, fmt.Errorf("%.200q: %w", f.Name, err)
		}
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.size, b.size)) })
	for i := 1; i < len(places); i++ {
		if places[i-1].begin+places[i-1].size > places[i].begin {
			return nil, fmt.Errorf("zip: two files share the bytes from %d on", places[i].begin)
		}
	}
	if !seen["data.pkl"] {
		return nil, errors.New("a zip without data.pkl: not a checkpoint of PyTorch")
	}
	return files, nil
}

// checkScript refuses TorchScript, which compresses its code.
func checkScript(name string) error {
	if name == "constants.pkl" || strings.HasPrefix(name, "code/") {
		return errors.New("TorchScript, which holds code beside tensors, is not supported (save the state dict)")
	}
	return nil
}

// take sorts a file of the zip.
func (t *torchFiles) take(name string, at place, src source) error {
	key, storage := strings.CutPrefix(name, "data/")
	switch {
	case storage:
		t.storages[key] = at
	case name == "data.pkl":
		if at.size > maxPickle {
			return fmt.Errorf("pickle of %d bytes, the most is %d", at.size, maxPickle)
		}
		t.program = at
	case name == "byteorder":
		order, err := src.read(at.begin, min(at.size, 16))
		if err != nil {
			return err
		}
		if string(order) != "little" {
			return fmt.Errorf("tensors in byte order %q, want little", order)
		}
	case strings.HasSuffix(name, ".pkl"):
		return errors.New("a second pickle, want data.pkl alone")
	}
	return nil
}

// placeOf is where a stored file has its bytes.
func placeOf(f *zip.File, src source) (place, error) {
	if f.Method != zip.Store || f.CompressedSize64 != f.UncompressedSize64 || f.Flags&1 != 0 {
		return place{}, errors.New("compressed or encrypted, which torch.save does not do")
	}
	begin, err := f.DataOffset()
	if err != nil {
		return place{}, err
	}
	if uint64(begin) > src.size || f.UncompressedSize64 > src.size-uint64(begin) {
		return place{}, fmt.Errorf("%d bytes from byte %d on are beyond the file of %d (a download that stopped early? fetch the file again)", f.UncompressedSize64, begin, src.size)
	}
	return place{uint64(begin), f.UncompressedSize64}, nil
}

// checkZip says what a file is that is not a zip.
func checkZip(src source) error {
	head, err := src.read(0, min(src.size, 512))
	if err != nil {
		return err
	}
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return nil
	case len(head) > 1 && head[0] == opProto, bytes.Contains(head, []byte("ustar")):
		return errors.New("a checkpoint in the format before PyTorch 1.6, or a bare pickle, which cannot be read without running it (load and save it again where you trust it, best as safetensors)")
	}
	return errors.New("not a PyTorch checkpoint: it does not begin as a zip does")
}

// boundedReaderAt stops a zip whose directory would fill the memory.
type boundedReaderAt struct {
	io.ReaderAt
	left int
}

func (b *boundedReaderAt) ReadAt(p []byte, at int64) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, fmt.Errorf("a directory of more than %d bytes", maxDirectory)
	}
	return b.ReaderAt.ReadAt(p, at)
}
