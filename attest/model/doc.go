// Package model names a machine-learning model by its bytes. Digest reads a
// directory of safetensors, a GGUF or PyTorch checkpoints, as the Hugging Face Hub
// publishes them, and returns its modelID: over the weights tensor by tensor, config.json, the
// tokenizer, the chat template, generation and preprocessor configurations, Python
// code, the metadata of a GGUF, and LoRA adapters.
//
// It promises that a modelID does not depend on how tensors are spread over
// files, on the order or padding of headers or on the metadata of safetensors, and
// that it depends on everything else: a tensor's bytes, name, dtype and shape, each
// role file byte by byte. What cannot be read in exactly one way is refused: bytes
// that belong to no tensor or to two, two tensors of one name, an index that
// disagrees with its shards, splits of which one is missing, duplicate names in
// JSON, paths that differ in case alone, files that change meanwhile, Git LFS
// pointers. Weights in other formats are refused too when they would be the model,
// and listed as Uncovered when they lie beside it. A directory with several GGUFs
// is refused until one is named.
//
// A checkpoint's pickle is a program. It is read by a reader that knows the opcodes,
// classes and functions with which torch.save writes tensors, calls none of them, and
// refuses everything else by its name. Tensors that are views of a part of their
// storage, or in another order than their rows, are refused; tied ones are not. The
// checksums of the zip are not looked at.
//
// A weight file is read, never mapped, and nothing is allocated because a file says
// so. A header may have 100 MB, as the specification of safetensors allows, and is not
// held: of all files together, names and shapes of at most 48 MiB are, of at most 524,288
// tensors. A member __metadata__ may have 16 MiB, and a GGUF 65,536 values.
//
// The package, stated beside the modelID, covers every file of the directory but
// .git and the folder .cache at its top, where git and the Hub's client keep
// their own state.
//
// It leaves to others who says so: nothing here is signed, and equal bytes say
// nothing about what a model was trained on or what an endpoint serves.
//
// The hashes are those of PROTOCOL §3. Weights are in the format of
// https://huggingface.co/docs/safetensors and its implementation,
// https://github.com/huggingface/safetensors, with all of its dtypes; or in that of
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3,
// little-endian; or in that of torch.save since PyTorch 1.6, a plain state dict in a
// zip. A PyTorch tensor has the dtype and bytes that it would have in safetensors, so
// that a converted model keeps its weights. The dtype of a tensor in a GGUF is ggml: and its type's name, and its
// shape is in the order of the file, the contiguous dimension first. Adapters are
// numbered in the order of the paths of their adapter_config.json.
//
// # Manifest
//
// Manifest writes what Digest found as canonical JSON (RFC 8785), so that two
// parties whose modelIDs differ find the tensor or file that does. Objects have
// exactly these members; files are sorted by the bytes of path, tensors by those
// of name, roles as the protocol has them; shape counts elements, size bytes;
// gitBlob is 40 zeros for a file above 16 MiB. A GGUF adds "kv", a list of {"key",
// "leaf", "type"} sorted by key, and adapters add "adapters", a list of {"path",
// "tensors"} in the order of their roles. For a single tensor of two floats
// the manifest is, without the line breaks:
//
//	{"files":[{"gitBlob":"6cf93137f64a785b2373caa8f461fc7e38f4aeda",
//	"path":"model.safetensors",
//	"sha256":"d27efbdf408c6241b0d82a753709d90598d2e472cc567f27b241493e81aee1b6",
//	"size":80}],
//	"modelID":"bcb6144bf36d9c4e7e3ee2822151841fda3697ac2d67fcd43276e4c925002d13",
//	"package":"fdd07f85d63cb31f946de9e6242222dd8ed4a5cffade7f929c46f6d4b398b4d1",
//	"roles":[{"digest":"ccd575345e0cd4d8a52c532689bda435fda1d6dc77c7388e88704cb889cdccef",
//	"role":"weights"}],
//	"tensors":[{"dtype":"F32","name":"bias",
//	"sha256":"af5570f5a1810b7af78caf4bc70a660f0df51e42baf91d4de5b2328de0e83dfc",
//	"shape":[2],"size":8}],
//	"uncovered":[]}
package model
