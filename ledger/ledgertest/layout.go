package ledgertest

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/proctor-attest/proctor/ledger"
)

const width = 256

// Layout returns the files of c2sp.org/tlog-tiles that some entries make, by their paths.
// It hashes every row of the tree whole and cuts it: nothing that an engine does.
func Layout(entries []string) map[string][]byte {
	files := map[string][]byte{}
	var row [][32]byte
	for from := 0; from < len(entries); from += width {
		part := entries[from:min(from+width, len(entries))]
		var bundle []byte
		for _, e := range part {
			bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(e)))
			bundle = append(bundle, e...)
			row = append(row, sha256.Sum256([]byte("\x00"+e)))
		}
		files[ledger.BundlePath(uint64(from/width), uint8(len(part)))] = bundle
	}
	for level := uint64(0); len(row) > 0; level++ {
		for from := 0; from < len(row); from += width {
			part := row[from:min(from+width, len(row))]
			var tile []byte
			for _, h := range part {
				tile = append(tile, h[:]...)
			}
			files[ledger.TilePath(level, uint64(from/width), uint8(len(part)))] = tile
		}
		for range 8 {
			row = above(row)
		}
	}
	return files
}

// above hashes a row in pairs; who is left alone has no perfect tree over it.
func above(row [][32]byte) [][32]byte {
	var next [][32]byte
	for i := 0; i+1 < len(row); i += 2 {
		next = append(next, sha256.Sum256(append(append([]byte{1}, row[i][:]...), row[i+1][:]...)))
	}
	return next
}
