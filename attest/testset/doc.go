// Package testset commits to the items of a benchmark and opens them again
// (PROTOCOL §2).
//
// It promises that two files with the same rows give the same commitments,
// however the rows are written (JSON Lines, a JSON array, CSV, gzip, zstd); that
// a commitment says nothing about an item to whom the secret is unknown; and that
// nothing is taken out of an opening which its proof does not bind. It leaves to
// others what a statement says about a set, and whether a statement is believed:
// readers here take the version (Set) that they check against as an argument.
//
// # Committing
//
// Survey reads a file once and settles its key member, fields and number of
// rows; Commit reads it again and makes the Version. Both use all processors, and
// hold a few rows for each: a million items cost hashes and offsets.
//
// Two items are duplicates when all declared fields but the key member are equal
// after this normalisation: the content of every string, at any depth, in NFKC,
// with full case folding, runs of white space made one space and trimmed. Member
// names, numbers and structure must be equal as they are. The normal form only
// finds duplicates; what is committed is the file's own text.
//
// A CSV file has a header row, and every one of its values is a JSON string, an
// empty cell the empty string. A row of a JSON file that lacks a member commits to
// zero bytes there, which is another value than null.
//
// # Skeleton and bitmap
//
// The skeleton artifact is the leaf hashes, 32 bytes each, in index order. The
// bitmap artifact has one bit for each item, the first in the highest bit of the
// first byte, zeros in the rest of the last byte.
//
// # Opening
//
// An opening discloses some fields of some items with what proves them. It is a
// file of JSON Lines, application/vnd.proctor.opening+jsonl. Every line is
// canonical JSON (RFC 8785) and ends with a newline. The first names the version,
// the number of opened items, and carries the multiproof: hashes, concatenated,
// in base64. One line for each item follows, by ascending index: commitments in
// declared order, and salt and bytes (base64) of the fields that are opened. No
// bytes mean that the item has no such member. A line has no more members than
// these:
//
//	{"fields":["prompt","answer"],"opened":1,"proof":"6SVcsNw2waT31/LHza3h8FNrTbqPUXCNiJeLSrp1zru4xLYpfyAf4K0RMUDl5TOlLeoDmKbz/NMbsgluvKkyzQ==","root":"53cc30db60d7b42126b5f91e31d48bd2480610a1ffdca9546344467369fe5006","setID":"be2136ae1c6817f1e30120e44d6696d5e0ff6e0cd061631c706661585273f533","size":3}
//	{"commitments":["c2990f3039d2aa7758b549b82d0d4f6ed45cfbc173b9fa964740d89969956791","1342ebc3927b3f1c9a0a7e14599145ccb04800ecae4cb62cea89cbf1d3ed9342"],"fields":{"answer":{"bytes":"NA==","salt":"1ffc9c60453ce63891472f0736b21fc94a2b84d6fe980edcf224c847a21ae8c9"}},"index":1,"key":0,"rev":0}
//
// Fields and bytes are bound to the root, key and rev are not: they help to match
// items with rows.
//
// # Store
//
// The owner's store of a set is a directory, of mode 0700 with files of mode 0600:
//
//	set.json     canonical JSON: issuer, name, setID, key member, fields, size, root,
//	             active, batches, the number of items that each commit appended, and
//	             version, that of the store's format: 2
//	secret       K, in hexadecimal
//	items.jsonl  a record {"fields":{…},"key":…,"rev":0} of each item, in the order
//	             of the files they came from; canonical JSON, absent members left out
//	items.index  in index order: u64 offset, u32 length and u32 rev of each record
//	tree         nodes, 32 bytes each: the leaves in index order, then the level above
//	             them (the roots of two leaves each, an odd one left out), and so on
//	bitmap       as above
//
// To open some of a million items a few thousand nodes and records are read, and no
// file but the bitmap is read whole. What is read may be damaged: a proof is checked
// against the root of set.json, and items against their leaves, before they are
// written.
package testset
