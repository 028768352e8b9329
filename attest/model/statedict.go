package model

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// torchStorages are the typed storages of torch, with the dtype that safetensors
// has for them; an untyped one counts bytes.
var torchStorages = map[string]string{
	"torch.DoubleStorage": "F64", "torch.FloatStorage": "F32", "torch.HalfStorage": "F16", "torch.BFloat16Storage": "BF16",
	"torch.LongStorage": "I64", "torch.IntStorage": "I32", "torch.ShortStorage": "I16", "torch.CharStorage": "I8",
	"torch.ByteStorage": "U8", "torch.BoolStorage": "BOOL", "torch.ComplexFloatStorage": "C64",
	"torch.storage.UntypedStorage": "U8",
}

// torchDTypes are those that a storage's type does not say.
var torchDTypes = map[string]string{
	"torch.uint16": "U16", "torch.uint32": "U32", "torch.uint64": "U64",
	"torch.float8_e4m3fn": "F8_E4M3", "torch.float8_e5m2": "F8_E5M2", "torch.float8_e8m0fnu": "F8_E8M0",
	"torch.float8_e4m3fnuz": "F8_E4M3FNUZ", "torch.float8_e5m2fnuz": "F8_E5M2FNUZ",
}

// notPlain are what torch.save asks for beside plain tensors, for errors.
var notPlain = map[string]string{
	"torch.ComplexDoubleStorage": "complex128, for which safetensors has no dtype", "torch.complex32": "complex32, for which safetensors has no dtype",
	"torch._utils._rebuild_qtensor":                "a quantised tensor, whose scales would be in no leaf (save int_repr() and scales as tensors)",
	"torch._utils._rebuild_sparse_tensor":          "a sparse tensor (save its values and indices as tensors)",
	"torch._utils._rebuild_sparse_csr_tensor":      "a sparse tensor (save its values and indices as tensors)",
	"torch._tensor._rebuild_from_type_v2":          "a tensor of a class of its own, or with attributes (save a plain one)",
	"torch._utils._rebuild_wrapper_subclass":       "a tensor of a class of its own (save a plain one)",
	"torch._utils._rebuild_meta_tensor_no_storage": "a tensor without bytes, on the device meta",
}

const (
	rebuildTensor  = "torch._utils._rebuild_tensor_v2"
	rebuildTyped   = "torch._utils._rebuild_tensor_v3"
	rebuildParam   = "torch._utils._rebuild_parameter"
	orderedDict    = "collections.OrderedDict"
	untypedStorage = "torch.storage.UntypedStorage"
)

// torchStorage is a storage that the pickle names.
type torchStorage struct {
	key, kind string
	elements  uint64
}

// torchTensor is what the pickle says of a tensor. Several names may have the same.
type torchTensor struct {
	dtype         string
	storage       *torchStorage
	offset        uint64 // in elements
	shape, stride []uint64
}

type namedTensor struct {
	name string
	*torchTensor
}

// stateDict reads a state dict out of its pickle.
type stateDict struct {
	storages map[string]place
	named    map[string]*torchStorage
}

// readStateDict returns the tensors of a pickle that is an OrderedDict, or dict,
// from names to tensors.
func readStateDict(program []byte, storages map[string]place, room *room) ([]namedTensor, error) {
	s := &stateDict{storages: storages, named: map[string]*torchStorage{}}
	p := &pickle{data: program, known: s.known, call: s.call, load: s.load}
	v, err := p.read()
	if err != nil {
		return nil, err
	}
	dict, ok := v.(*pyDict)
	if !ok {
		return nil, fmt.Errorf("holds %s, want a state dict", pyKind(v))
	}
	var tensors []namedTensor
	for _, item := range dict.items {
		t, ok := item.value.(*torchTensor)
		if !ok {
			return nil, fmt.Errorf("%.200q is %s, want a tensor: this is not a plain state dict (save the model's state_dict() alone)", item.key, pyKind(item.value))
		}
		if item.key == metadataName {
			return nil, fmt.Errorf("%q is not a name for a tensor", item.key)
		}
		if err := room.take(Tensor{Name: item.key, Shape: t.shape}); err != nil {
			return nil, err
		}
		tensors = append(tensors, namedTensor{item.key, t})
	}
	slices.SortFunc(tensors, func(a, b namedTensor) int { return strings.Compare(a.name, b.name) })
	for i := 1; i < len(tensors); i++ {
		if tensors[i].name == tensors[i-1].name {
			return nil, fmt.Errorf("duplicate name %.200q", tensors[i].name)
		}
	}
	return tensors, nil
}

func (s *stateDict) known(global string) bool {
	return global == rebuildTensor || global == rebuildTyped || global == rebuildParam || global == orderedDict ||
		torchStorages[global] != "" || torchDTypes[global] != ""
}

// load reads ("storage", type, key, location, number of elements).
func (s *stateDict) load(id any) (any, error) {
	t, ok := id.(pyTuple)
	if !ok || len(t) != 5 || t[0] != any("storage") {
		return nil, errors.New("a persistent id that names no storage")
	}
	kind, isType := t[1].(pyGlobal)
	key, isKey := t[2].(string)
	elements, isCount := t[4].(int64)
	if !isType || torchStorages[string(kind)] == "" || !isKey || !isCount || elements < 0 {
		return nil, errors.New("a storage whose type, key or size is not as torch.save writes it")
	}
	got := &torchStorage{key, string(kind), uint64(elements)}
	if before, twice := s.named[key]; twice && *before != *got {
		return nil, fmt.Errorf("storage %.80q is named with two types or sizes", key)
	}
	if s.named[key] == nil {
		s.named[key] = got
	}
	at, present := s.storages[key]
	if !present {
		return nil, fmt.Errorf("storage %.80q is not in the zip", key)
	}
	need, err := sizeOf(torchStorages[string(kind)], []uint64{got.elements})
	if err != nil {
		return nil, err
	}
	if need != at.size {
		return nil, fmt.Errorf("storage %.80q has %d bytes in the zip, but %d elements of %s need %d", key, at.size, elements, kind, need)
	}
	return s.named[key], nil
}

func (s *stateDict) call(global string, args []any) (any, error) {
	switch global {
	case orderedDict:
		if len(args) != 0 {
			return nil, errors.New("an OrderedDict with arguments")
		}
		return &pyDict{ordered: true}, nil
	case rebuildParam:
		if len(args) == 3 {
			if t, ok := args[0].(*torchTensor); ok && noHooks(args[2]) {
				return t, nil
			}
		}
	case rebuildTensor:
		if len(args) == 6 || len(args) == 7 && noHooks(args[6]) {
			return tensorOf(args, "")
		}
	case rebuildTyped:
		if len(args) == 7 || len(args) == 8 && noHooks(args[7]) {
			dtype, ok := args[6].(pyGlobal)
			if ok && torchDTypes[string(dtype)] != "" {
				return tensorOf(args, torchDTypes[string(dtype)])
			}
		}
	}
	return nil, fmt.Errorf("calls %s, not as torch.save does for a plain tensor", global)
}

// noHooks reports whether v is an empty dict, or None: hooks and other state of a
// tensor could be anything.
func noHooks(v any) bool {
	d, ok := v.(*pyDict)
	return v == nil || ok && len(d.items) == 0
}

// tensorOf reads storage, offset, size, stride, requires_grad, hooks.
func tensorOf(args []any, dtype string) (*torchTensor, error) {
	storage, isStorage := args[0].(*torchStorage)
	offset, isOffset := args[1].(int64)
	shape, isShape := sizes(args[2])
	stride, isStride := sizes(args[3])
	_, isBool := args[4].(bool)
	if !isStorage || !isOffset || offset < 0 || !isShape || !isStride || len(shape) != len(stride) || !isBool || !noHooks(args[5]) {
		return nil, errors.New("a tensor that is not as torch.save writes it")
	}
	if untyped := storage.kind == untypedStorage; untyped != (dtype != "") {
		return nil, fmt.Errorf("a tensor of type %q in a storage of type %s", dtype, storage.kind)
	}
	if dtype == "" {
		dtype = torchStorages[storage.kind]
	}
	return &torchTensor{dtype: dtype, storage: storage, offset: uint64(offset), shape: shape, stride: stride}, nil
}

func sizes(v any) ([]uint64, bool) {
	t, ok := v.(pyTuple)
	out := make([]uint64, len(t))
	for i, x := range t {
		n, isInt := x.(int64)
		if !isInt || n < 0 {
			return nil, false
		}
		out[i] = uint64(n)
	}
	return out, ok
}

// placeTensors finds the bytes of every tensor. The distinct ones must be all of
// each storage: bytes that no tensor shows would be in no leaf. Tensors that share
// all of their bytes, as tied weights do, are as good as copies.
func placeTensors(tensors []namedTensor, storages map[string]place) ([]span, error) {
	spans := make([]span, 0, len(tensors))
	for _, t := range tensors {
		s, err := t.span(storages[t.storage.key])
		if err != nil {
			return nil, fmt.Errorf("tensor %.200q: %w", t.name, err)
		}
		spans = append(spans, s)
	}
	slices.SortStableFunc(spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.Size, b.Size)) })
	first := func(at uint64) int {
		i, _ := slices.BinarySearchFunc(spans, at, func(s span, at uint64) int { return cmp.Compare(s.begin, at) })
		return i
	}
	for _, key := range slices.Sorted(maps.Keys(storages)) {
		at := storages[key]
		if err := checkTiled(spans[first(at.begin):first(at.begin+at.size)], at); err != nil {
			return nil, fmt.Errorf("storage %.80q: %w", key, err)
		}
	}
	return spans, nil
}

// span is the tensor's bytes, if they are one run of them in the order of rows.
func (t namedTensor) span(at place) (span, error) {
	size, err := sizeOf(t.dtype, t.shape)
	if err != nil {
		return span{}, err
	}
	out := span{Tensor: Tensor{Name: t.name, DType: t.dtype, Shape: t.shape, Size: size}, begin: at.begin}
	if size == 0 {
		return out, nil
	}
	step := uint64(1)
	for i := len(t.shape) - 1; i >= 0; i-- {
		if t.shape[i] > 1 && t.stride[i] != step {
			return span{}, fmt.Errorf("shape %s with strides %s does not lie in one run of bytes (call contiguous() on it before it is saved)", clipShape(t.shape), clipShape(t.stride))
		}
		step *= t.shape[i]
	}
	width := dtypeBits[t.dtype] / 8
	if t.offset > at.size/width || size > at.size-t.offset*width {
		return span{}, fmt.Errorf("ends beyond its storage of %d bytes", at.size)
	}
	out.begin += t.offset * width
	return out, nil
}

// checkTiled refuses parts of a storage that no tensor shows, and tensors that
// share some of their bytes. Spans are in the order of their bytes.
func checkTiled(spans []span, at place) error {
	begin, end := at.begin, at.begin // of the last span
	for _, s := range spans {
		switch {
		case s.Size == 0 || s.begin == begin && s.begin+s.Size == end:
			continue
		case s.begin < end:
			return fmt.Errorf("tensor %.200q shares some of its bytes with another (clone it before it is saved)", s.Name)
		case s.begin > end:
			return fmt.Errorf("%d bytes before tensor %.200q belong to no tensor (clone it before it is saved)", s.begin-end, s.Name)
		}
		begin, end = s.begin, s.begin+s.Size
	}
	if end < at.begin+at.size {
		return fmt.Errorf("%d bytes belong to no tensor (a view was saved? clone it before)", at.begin+at.size-end)
	}
	return nil
}
