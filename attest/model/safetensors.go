package model

import (
	"encoding/binary"
	"fmt"
)

// readSafetensors reads the header of a safetensors file.
func readSafetensors(src source, room *room) (*layout, error) {
	if src.size < lengthSize {
		return nil, fmt.Errorf("safetensors header ends at byte %d of at least %d (a download that stopped early? fetch the file again)", src.size, lengthSize)
	}
	head, err := src.read(0, lengthSize)
	if err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint64(head)
	if length > maxHeader {
		return nil, fmt.Errorf("header of %d bytes, the most is %d: this is not a safetensors file", length, maxHeader)
	}
	if length > src.size-lengthSize {
		return nil, fmt.Errorf("header of %d bytes ends beyond the file of %d (a download that stopped early? fetch the file again)", length, src.size)
	}
	spans, err := parseHeader(src, lengthSize+length, room)
	if err != nil {
		return nil, err
	}
	return newLayout(spans), nil
}
