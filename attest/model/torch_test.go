package model

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// The pickles of tests are written by hand, opcode by opcode, as torch.save writes
// them but without remembering values.

func pText(s string) string {
	return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s
}

func pInt(n int64) string {
	if n >= 0 && n < 256 {
		return "K" + string([]byte{byte(n)})
	}
	return "\x8a\x08" + string(binary.LittleEndian.AppendUint64(nil, uint64(n)))
}

func pInts(ns ...int64) string {
	out := "("
	for _, n := range ns {
		out += pInt(n)
	}
	return out + "t"
}

const (
	pOrdered = "ccollections\nOrderedDict\n)R"
	pTensor  = "ctorch._utils\n_rebuild_tensor_v2\n"
)

// pStorage is a storage by its persistent id.
func pStorage(kind, key string, elements int64) string {
	return "(" + pText("storage") + "ctorch\n" + kind + "\n" + pText(key) + pText("cpu") + pInt(elements) + "tQ"
}

// pRebuild is a tensor in a storage.
func pRebuild(storage string, offset int64, shape, stride string) string {
	return pTensor + "(" + storage + pInt(offset) + shape + stride + "\x89" + pOrdered + "tR"
}

// pDict is a whole pickle of a dict with these items.
func pDict(items ...string) string { return "\x80\x02}(" + strings.Join(items, "") + "u." }

func pItem(name, value string) string { return pText(name) + value }

// pTwo are the tensors of two.
func pTwo() string {
	return pDict(
		pItem("a", pRebuild(pStorage("ByteStorage", "0", 3), 0, pInts(3), pInts(1))),
		pItem("b", pRebuild(pStorage("HalfStorage", "1", 2), 0, pInts(2), pInts(1))))
}

// zipOf writes files as torch.save does: stored, with what they are known by in a
// folder.
func zipOf(t testing.TB, pairs ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(pairs); i += 2 {
		w, err := z.CreateHeader(&zip.FileHeader{Name: "archive/" + pairs[i], Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(pairs[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func torchTwo(t testing.TB, program string) []byte {
	return zipOf(t, "data.pkl", program, "byteorder", "little", "data/0", "abc", "data/1", "wxyz", "version", "3\n", ".data/serialization_id", "7")
}

// The same tensors are the same weights in a checkpoint and in safetensors.
func TestDigestTorch(t *testing.T) {
	want := digest(t, two(t))
	param := strings.ReplaceAll(pTwo(), pTensor, "ctorch._utils\n_rebuild_parameter\n("+pTensor)
	param = strings.ReplaceAll(param, pOrdered+"tR", pOrdered+"tR\x88"+pOrdered+"tR")
	ordered := "\x80\x02" + pOrdered + pTwo()[3:len(pTwo())-1] + "}" + pText("_metadata") + pOrdered + "sb."
	remembered := strings.ReplaceAll(strings.Replace(pTwo(), "}", "}q\x00", 1), "u.", "uh\x00u.")
	remembered = strings.Replace(remembered, "uh\x00u.", "u.", 1)
	ways := map[string]fstest.MapFS{
		"alone":           {"pytorch_model.bin": file(torchTwo(t, pTwo()))},
		"of another name": {"weights.pth": file(torchTwo(t, pTwo())), "training_args.bin": file([]byte("x")), "rng_state_0.pth": file(nil)},
		"parameters":      {"pytorch_model.bin": file(torchTwo(t, param))},
		"OrderedDict":     {"pytorch_model.bin": file(torchTwo(t, ordered))},
		"remembered":      {"pytorch_model.bin": file(torchTwo(t, remembered))},
		"other order": {"pytorch_model.bin": file(zipOf(t, "data.pkl", pDict(
			pItem("b", pRebuild(pStorage("HalfStorage", "0", 2), 0, pInts(2), pInts(1))),
			pItem("a", pRebuild(pStorage("ByteStorage", "1", 3), 0, pInts(3), pInts(1)))), "data/0", "wxyz", "data/1", "abc"))},
		"index": {
			"pytorch_model.bin.index.json": file([]byte(`{"weight_map":{"a":"one.bin","b":"two.bin"}}`)),
			"one.bin":                      file(zipOf(t, "data.pkl", pDict(pItem("a", pRebuild(pStorage("ByteStorage", "0", 3), 0, pInts(3), pInts(1)))), "data/0", "abc")),
			"two.bin":                      file(zipOf(t, "data.pkl", pDict(pItem("b", pRebuild(pStorage("HalfStorage", "0", 2), 0, pInts(2), pInts(1)))), "data/0", "wxyz")),
			"left.bin":                     file([]byte("x")),
		},
	}
	for name, dir := range ways {
		for _, without := range []bool{false, true} {
			got, err := Digest(context.Background(), dir, Options{WithoutPackage: without})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if diff := cmp.Diff(want.Tensors, got.Tensors); diff != "" || got.ID != want.ID {
				t.Errorf("%s: ID %s, want %s; tensors differ (-want +got):\n%s", name, got.ID, want.ID, diff)
			}
			if without {
				continue
			}
			if _, err := ParseManifest(must(got.Manifest())); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if diff := cmp.Diff([]string{"left.bin"}, digest(t, ways["index"]).Uncovered); diff != "" {
		t.Errorf("uncovered differs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"rng_state_0.pth", "training_args.bin"}, digest(t, ways["of another name"]).Uncovered); diff != "" {
		t.Errorf("uncovered differs (-want +got):\n%s", diff)
	}
}

// Tied weights share their bytes; scalars, empty tensors and dimensions of one have
// strides that say nothing.
func TestDigestTorchShapes(t *testing.T) {
	half := func(offset int64, shape, stride string) string {
		return pRebuild(pStorage("HalfStorage", "0", 4), offset, shape, stride)
	}
	dir := fstest.MapFS{"pytorch_model.bin": file(zipOf(t, "data.pkl", pDict(
		pItem("tied", half(0, pInts(3, 1), pInts(1, 7))),
		pItem("head", half(0, pInts(1, 3), pInts(9, 1))),
		pItem("scalar", half(3, ")", ")")),
		pItem("empty", half(1, pInts(0, 4), pInts(4, 1))),
		pItem("void", pRebuild(pStorage("FloatStorage", "1", 0), 0, pInts(0), pInts(1)))),
		"data/0", "abcdefgh", "data/1", ""))}
	want := []Tensor{
		{"empty", "F16", []uint64{0, 4}, 0, sum(nil)},
		{"head", "F16", []uint64{1, 3}, 6, sum([]byte("abcdef"))},
		{"scalar", "F16", []uint64{}, 2, sum([]byte("gh"))},
		{"tied", "F16", []uint64{3, 1}, 6, sum([]byte("abcdef"))},
		{"void", "F32", []uint64{0}, 0, sum(nil)},
	}
	m := digest(t, dir)
	if diff := cmp.Diff(want, m.Tensors); diff != "" {
		t.Errorf("tensors differ (-want +got):\n%s", diff)
	}
	// Tied tensors may be more bytes than their file.
	if _, err := m.Manifest(); err != nil {
		t.Error(err)
	}
}

func TestDigestTorchTypes(t *testing.T) {
	for kind, dtype := range torchStorages {
		kind = strings.TrimPrefix(kind, "torch.")
		if kind == "storage.UntypedStorage" {
			continue
		}
		width := int(dtypeBits[dtype] / 8)
		dir := fstest.MapFS{"m.pt": file(zipOf(t, "data.pkl", pDict(pItem("x", pRebuild(pStorage(kind, "0", 3), 0, pInts(3), pInts(1)))), "data/0", strings.Repeat("x", 3*width)))}
		if got := digest(t, dir).Tensors[0]; got.DType != dtype || got.Size != uint64(3*width) {
			t.Errorf("%s = %+v, want %s", kind, got, dtype)
		}
	}
	for global, dtype := range torchDTypes {
		width := int(dtypeBits[dtype] / 8)
		storage := strings.Replace(pStorage("UntypedStorage", "0", int64(3*width)), "ctorch\n", "ctorch.storage\n", 1)
		tensor := "ctorch._utils\n_rebuild_tensor_v3\n(" + storage + pInt(0) + pInts(3) + pInts(1) + "\x89" + pOrdered + "ctorch\n" + strings.TrimPrefix(global, "torch.") + "\ntR"
		dir := fstest.MapFS{"m.pt": file(zipOf(t, "data.pkl", pDict(pItem("x", tensor)), "data/0", strings.Repeat("x", 3*width)))}
		if got := digest(t, dir).Tensors[0]; got.DType != dtype || got.Size != uint64(3*width) {
			t.Errorf("%s = %+v, want %s", global, got, dtype)
		}
	}
}

// A checkpoint that would run code is refused by the name of what it asks for.
func TestDigestRefusesPickle(t *testing.T) {
	tensor := pRebuild(pStorage("ByteStorage", "0", 3), 0, pInts(3), pInts(1))
	storage := func(text string) string { return strings.Replace(pTwo(), pStorage("ByteStorage", "0", 3), text, 1) }
	tests := []struct{ name, program, want string }{
		{"runs a program", "\x80\x02cos\nsystem\n" + pText("rm -rf /") + "\x85R.", `"os.system"`},
		{"evaluates", pDict(pItem("a", "cbuiltins\neval\n"+pText("1")+"\x85R")), `"builtins.eval"`},
		{"name with a dot", "\x80\x02ctorch\n_utils._rebuild_tensor_v2.__globals__\n.", "_utils._rebuild_tensor_v2.__globals__"},
		{"load from inside", "\x80\x02ctorch\nload\n.", `"torch.load"`},
		{"stack global", "\x80\x02\x93.", "STACK_GLOBAL"},
		{"instance", "\x80\x02(ios\nsystem\n.", "INST"},
		{"new object", "\x80\x02\x81.", "NEWOBJ"},
		{"extension", "\x80\x02\x82\x01.", "EXT1"},
		{"unknown opcode", "\x80\x02\xff.", "0xff"},
		{"protocol 4", "\x80\x04}.", "protocol 4"},
		{"empty", "", "ends at byte 0"},
		{"no end", "\x80\x02}", "ends at byte 3"},
		{"nothing at the end", "\x80\x02.", "0 values"},
		{"two values", "\x80\x02}}.", "2 values"},
		{"more behind the end", pTwo() + "}", "1 bytes"},
		{"mark at the end", "\x80\x02(.", "a mark for a value"},
		{"text to the end of time", "\x80\x02X\xff\xff\xff\xff.", "ends at byte"},
		{"text that is not UTF-8", "\x80\x02" + pText("\xff") + ".", "UTF-8"},
		{"integer of 255 bytes", "\x80\x02\x8a\xff.", "integer of 255 bytes"},
		{"name without end", "\x80\x02cos", "without an end"},
		{"recalls nothing", "\x80\x02h\x07.", "recalls 7"},
		{"remembers nothing", "\x80\x02q\x07.", "nothing to remember"},
		{"remembers out of order", "\x80\x02}q\x01.", "remembers number 1 after 0"},
		{"remembers a mark", "\x80\x02(q\x07.", "nothing to remember"},
		{"tuple of nothing", "\x80\x02\x85.", "there is none"},
		{"tuple of a mark", "\x80\x02(\x85.", "a mark for a value"},
		{"no mark", "\x80\x02t.", "no mark"},
		{"sets without a dict", "\x80\x02" + pText("a") + pText("b") + "s.", "there is none"},
		{"sets in a tuple", "\x80\x02)" + pText("a") + pText("b") + "s.", "of a tuple"},
		{"odd items", "\x80\x02}(" + pText("a") + "u.", "sets 1 values"},
		{"key is a number", "\x80\x02}K\x01Ns.", "a key of a dict is an integer"},
		{"appends to a dict", "\x80\x02}Na.", "appends to a dict"},
		{"calls text", "\x80\x02" + pText("x") + ")R.", "calls text"},
		{"calls without a tuple", "\x80\x02ccollections\nOrderedDict\nNR.", "with None"},
		{"OrderedDict with items", "\x80\x02ccollections\nOrderedDict\n)\x85R.", "OrderedDict with arguments"},
		{"attributes of a dict", "\x80\x02}}" + pText("_metadata") + "Nsb.", "attributes"},
		{"other attributes", "\x80\x02" + pOrdered + "}" + pText("__class__") + "Nsb.", "attributes"},
		{"duplicate name", pDict(pItem("a", tensor), pItem("a", tensor)), `duplicate name "a"`},
		{"deep", "\x80\x02" + strings.Repeat("}", maxStack+1) + ".", "more values at once"},
		{"list", "\x80\x02]" + tensor + "a.", "holds a list, want a state dict"},
		{"tensor", "\x80\x02" + tensor + ".", "want a state dict"},
		{"nested", pDict(pItem("state_dict", "}"), pItem("epoch", "K\x01"), pItem("lr", "G\x00\x00\x00\x00\x00\x00\x00\x00")), `"state_dict" is a dict, want a tensor`},
		{"number", pDict(pItem("lr", "G\x00\x00\x00\x00\x00\x00\x00\x00")), `"lr" is a number`},
		{"reserved name", pDict(pItem("__metadata__", tensor)), "__metadata__"},

		{"persistent id of text", storage(pText("0") + "Q"), "names no storage"},
		{"storage of no type", storage(strings.Replace(pStorage("ByteStorage", "0", 3), "ctorch\nByteStorage\n", "N", 1)), "type, key or size"},
		{"storage of a type that is none", storage(strings.Replace(pStorage("ByteStorage", "0", 3), "ctorch\nByteStorage\n", "ctorch\nfloat8_e5m2\n", 1)), "type, key or size"},
		{"quantised storage", storage(pStorage("QInt8Storage", "0", 3)), `"torch.QInt8Storage"`},
		{"storage of a negative size", storage(pStorage("ByteStorage", "0", -1)), "type, key or size"},
		{"storage of another size", storage(pStorage("ByteStorage", "0", 4)), "has 3 bytes in the zip"},
		{"storage of 2^62", storage(pStorage("DoubleStorage", "0", 1<<62)), "overflows"},
		{"storage that is not there", storage(pStorage("ByteStorage", "9", 3)), `"9" is not in the zip`},
		{"storage elsewhere", storage(pStorage("ByteStorage", "../0", 3)), `"../0" is not in the zip`},
		{"storage of two types", pDict(pItem("a", tensor), pItem("c", strings.Replace(tensor, "Byte", "Char", 1))), "two types"},
		{"hooks", strings.Replace(pTwo(), pOrdered+"tR", "}"+pText("x")+"NstR", 1), "not as torch.save"},
		{"six arguments of rebuild in v3", strings.Replace(pTwo(), "_rebuild_tensor_v2", "_rebuild_tensor_v3", 1), "not as torch.save"},
		{"parameter of nothing", pDict(pItem("a", "ctorch._utils\n_rebuild_parameter\n)R")), "not as torch.save"},
		{"untyped storage without type", strings.Replace(pTwo(), "ctorch\nByteStorage", "ctorch.storage\nUntypedStorage", 1), "UntypedStorage"},
		{"negative offset", pDict(pItem("a", pRebuild(pStorage("ByteStorage", "0", 3), -1, pInts(3), pInts(1)))), "not as torch.save"},
		{"negative shape", pDict(pItem("a", pRebuild(pStorage("ByteStorage", "0", 3), 0, pInts(-3), pInts(1)))), "not as torch.save"},
		{"more strides", pDict(pItem("a", pRebuild(pStorage("ByteStorage", "0", 3), 0, pInts(3), pInts(1, 1)))), "not as torch.save"},
		{"shape is a number", pDict(pItem("a", pRebuild(pStorage("ByteStorage", "0", 3), 0, "K\x03", pInts(1)))), "not as torch.save"},
		{"beyond the storage", pDict(pItem("a", pRebuild(pStorage("ByteStorage", "0", 3), 1, pInts(3), pInts(1)))), "beyond its storage"},
		{"far beyond", pDict(pItem("a", pRebuild(pStorage("HalfStorage", "1", 2), 1<<62, pInts(2), pInts(1)))), "beyond its storage"},
		{"transposed", pDict(pItem("b", pRebuild(pStorage("HalfStorage", "1", 2), 0, pInts(2), pInts(2)))), "contiguous()"},
		{"expanded", pDict(pItem("b", pRebuild(pStorage("HalfStorage", "1", 2), 0, pInts(4), pInts(0)))), "contiguous()"},
		{"a part of a storage", pDict(pItem("a", pRebuild(pStorage("ByteStorage", "0", 3), 0, pInts(2), pInts(1)))), "1 bytes belong to no tensor"},
		{"the end of a storage", pDict(pItem("a", pRebuild(pStorage("ByteStorage", "0", 3), 1, pInts(2), pInts(1)))), "1 bytes before tensor"},
		{"shared in part", pDict(pItem("a", tensor), pItem("c", pRebuild(pStorage("ByteStorage", "0", 3), 1, pInts(2), pInts(1)))), "shares some of its bytes"},
		{"shared from the start", pDict(pItem("a", tensor), pItem("c", pRebuild(pStorage("ByteStorage", "0", 3), 0, pInts(2), pInts(1)))), "shares some of its bytes"},
		{"a storage that nothing shows", pDict(pItem("a", tensor)), `storage "1": 4 bytes belong to no tensor`},
	}
	for _, test := range tests {
		dir := fstest.MapFS{"pytorch_model.bin": file(torchTwo(t, test.program))}
		_, err := Digest(context.Background(), dir, Options{})
		wantError(t, test.name, err, test.want, `"pytorch_model.bin"`)
	}
}

func TestDigestRefusesTorch(t *testing.T) {
	deflated := func() []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		w, _ := z.Create("archive/data.pkl")
		w.Write(make([]byte, 1<<20))
		z.Close()
		return b.Bytes()
	}()
	good := torchTwo(t, pTwo())
	shared := bytes.Replace(good, []byte("archive/data/1"), []byte("archive/data/0"), 2)
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "does not begin as a zip"},
		{"not a zip", []byte("OggS"), "does not begin as a zip"},
		{"before 1.6", []byte("\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."), "before PyTorch 1.6"},
		{"tar", append(make([]byte, 257), []byte("ustar\x0000sys_info")...), "before PyTorch 1.6"},
		{"cut", good[:len(good)-9], "zip"},
		{"zip bomb", deflated, `"archive/data.pkl": compressed`},
		{"one file twice", shared, "there twice"},
		{"two folders", bytes.Replace(good, []byte("archive/data/1"), []byte("brchive/data/1"), 2), `not in the folder "archive"`},
		{"path up", zipOf(t, "../data.pkl", "x"), "../data.pkl"},
		{"no pickle", zipOf(t, "data/0", "x"), "without data.pkl"},
		{"big-endian", zipOf(t, "data.pkl", pDict(), "byteorder", "big"), `byte order "big"`},
		{"TorchScript", zipOf(t, "data.pkl", pDict(), "code/model.py", "x"), "TorchScript"},
		{"constants", zipOf(t, "data.pkl", pDict(), "constants.pkl", "x"), "TorchScript"},
		{"another pickle", zipOf(t, "data.pkl", pDict(), "extra.pkl", "x"), "second pickle"},
		{"no tensors", zipOf(t, "data.pkl", pDict()), "no tensors"},
	}
	for _, test := range tests {
		_, err := Digest(context.Background(), fstest.MapFS{"m.bin": file(test.data)}, Options{})
		wantError(t, test.name, err, test.want, `"m.bin"`)
	}

	_, err := Digest(context.Background(), fstest.MapFS{"a.pt": file(good), "b.bin": file(good)}, Options{})
	wantError(t, "several", err, `"a.pt", "b.bin"`, "no index")

	// Two files on the same bytes: the second one's header is the first one's.
	overlap := slices.Clone(good)
	at := bytes.LastIndex(overlap, []byte("archive/data/1"))
	first := binary.LittleEndian.Uint32(overlap[bytes.LastIndex(overlap, []byte("archive/data/0"))-4:])
	binary.LittleEndian.PutUint32(overlap[at-4:], first)
	_, err = Digest(context.Background(), fstest.MapFS{"m.bin": file(overlap)}, Options{})
	wantError(t, "overlap", err, "share the bytes")
}

func TestReadTorchLimits(t *testing.T) {
	_, err := readStateDict(make([]byte, maxPickle+1), nil, &room{})
	wantError(t, "pickle", err, fmt.Sprint("the most is ", maxPickle))
	b := &boundedReaderAt{bytes.NewReader(make([]byte, 10)), 8}
	if _, err := b.ReadAt(make([]byte, 8), 0); err != nil {
		t.Error(err)
	}
	_, err = b.ReadAt(make([]byte, 1), 8)
	wantError(t, "directory", err, "directory of more than")
}

func FuzzReadStateDict(f *testing.F) {
	storages := map[string]place{"0": {64, 3}, "1": {128, 4}}
	f.Add([]byte(pTwo()))
	f.Add([]byte("\x80\x02" + pOrdered + "q\x01}" + pText("_metadata") + "h\x01sb."))
	f.Add([]byte(pDict(pItem("a", "(K\x01M\x01\x01J\x01\x00\x00\x00\x88Nt"), pItem("b", "](K\x01e"))))
	f.Fuzz(func(t *testing.T, program []byte) {
		tensors, err := readStateDict(program, storages, &room{})
		if err != nil {
			return
		}
		spans, err := placeTensors(tensors, storages)
		if err != nil {
			return
		}
		for _, s := range spans {
			inside := s.Size == 0
			for _, at := range storages {
				inside = inside || s.begin >= at.begin && s.begin+s.Size <= at.begin+at.size
			}
			if !inside {
				t.Fatalf("accepted tensor %+v", s)
			}
		}
	})
}

func FuzzReadTorch(f *testing.F) {
	f.Add(torchTwo(f, pTwo()))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := readTorch(source{bytes.NewReader(data), uint64(len(data))}, &room{})
		if err != nil {
			return
		}
		for i, x := range l.tensors {
			if p := l.pieces[l.at[i]]; p.size != x.Size || p.begin+p.size > uint64(len(data)) {
				t.Fatalf("accepted tensor %+v at %+v of %d bytes", x, p, len(data))
			}
		}
	})
}
