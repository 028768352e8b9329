package model

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// TensorData is a tensor with its bytes, little-endian and row by row.
type TensorData struct {
	Name, DType string
	Shape       []uint64
	Data        []byte
}

// Write writes tensors as one safetensors file. Wide elements come first and
// names ascend among equals, so that every tensor is aligned to its elements and
// the same tensors always make the same bytes.
func Write(w io.Writer, tensors []TensorData) error {
	sorted := slices.Clone(tensors)
	slices.SortFunc(sorted, func(a, b TensorData) int {
		return cmp.Or(cmp.Compare(dtypeBits[b.DType], dtypeBits[a.DType]), strings.Compare(a.Name, b.Name))
	})
	type member struct {
		DType   string    `json:"dtype"`
		Shape   []uint64  `json:"shape"`
		Offsets [2]uint64 `json:"data_offsets"`
	}
	members := make(map[string]member, len(sorted))
	var end uint64
	for _, t := range sorted {
		size, err := sizeOf(t.DType, t.Shape)
		if err != nil {
			return fmt.Errorf("tensor %.200q: %w", t.Name, err)
		}
		if size != uint64(len(t.Data)) {
			return fmt.Errorf("tensor %.200q: got %d bytes, %s %s needs %d", t.Name, len(t.Data), t.DType, clipShape(t.Shape), size)
		}
		if _, twice := members[t.Name]; twice || t.Name == metadataName || !utf8.ValidString(t.Name) {
			return fmt.Errorf("tensor %.200q: name is repeated, reserved or not UTF-8", t.Name)
		}
		members[t.Name] = member{t.DType, append([]uint64{}, t.Shape...), [2]uint64{end, end + size}}
		end += size
	}
	header, err := json.Marshal(members)
	if err != nil {
		return err
	}
	for len(header)%8 != 0 {
		header = append(header, ' ')
	}
	if len(header) > maxHeader {
		return fmt.Errorf("header of %d bytes, the most is %d", len(header), maxHeader)
	}
	if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))); err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	for _, t := range sorted {
		if _, err := w.Write(t.Data); err != nil {
			return err
		}
	}
	return nil
}
