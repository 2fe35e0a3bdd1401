package simulator

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
)

// packets are the frames of a stream action, all with the same echo (reference 3.7).
type packets []*object

const (
	defaultChunk = 65536
	maxChunks    = 1 << 16
)

func packet(kind, dataType string) *object {
	return new(object).add("type", kind).add("data_type", dataType)
}

// downloadStream: one file_info, the chunks, file_complete.
func downloadStream(c *Call) (any, error) {
	f, err := c.file()
	if err != nil {
		return nil, err
	}
	size := int(max(1, c.Params.int("chunk_size", defaultChunk)))
	if len(f.data)/size >= maxChunks {
		return nil, broken("chunk_size is too small")
	}
	info := packet("stream", "file_info").add("file_name", f.name).add("file_size", len(f.data)).add("chunk_size", size)
	if c.Name == "download_file_image_stream" {
		info.add("width", 1).add("height", 1)
	}
	out := packets{info}
	index, done := 0, 0
	for ; done < len(f.data); index++ {
		part := f.data[done:min(len(f.data), done+size)]
		done += len(part)
		text := base64.StdEncoding.EncodeToString(part)
		out = append(out, packet("stream", "file_chunk").add("index", index).add("data", text).add("size", len(part)).
			add("progress", int64(done)*100/int64(len(f.data))).add("base64_size", len(text)))
	}
	return append(out, packet("response", "file_complete").add("total_chunks", index).add("total_bytes", done).add("message", "Download completed")), nil
}

// testStream sends ten packets and an end, or an error.
func testStream(c *Call) (any, error) {
	if c.Params.strictly("error") {
		return nil, broken("This is a test error")
	}
	var out packets
	for i := range 10 {
		out = append(out, packet("stream", "data_chunk").add("data", "Index-> "+jsonInt(int64(i))))
	}
	return append(out, packet("response", "data_complete").add("data", "Stream transmission complete")), nil
}

func cleanStreams(c *Call) (any, error) {
	return c.world(func(s *state) (any, error) {
		s.uploads = make(map[string]*upload)
		return packets{new(object).add("type", "response").add("message", "临时文件已清理")}, nil
	})
}

// upload is a file on its way in, chunk by chunk.
type upload struct {
	name   string
	total  int64
	size   int64
	sha    string
	chunks map[int64][]byte
	bytes  int
}

// uploadStream: one call is exactly one answer, even though chunk answers say "stream".
func uploadStream(c *Call) (any, error) {
	return c.world(func(s *state) (any, error) {
		id := c.Params.Text("stream_id")
		u := s.uploads[id]
		switch {
		case c.Params.strictly("reset"):
			delete(s.uploads, id)
			return nil, broken("Stream reset completed") // it worked, and yet NapCat says failed
		case c.Params.strictly("verify_only"):
			if u == nil {
				return nil, broken("Stream not found")
			}
			return packets{u.progress(id, "stream", "file_created")}, nil
		case c.Params["chunk_data"] != nil:
			return s.chunk(c, id, u)
		case c.Params.strictly("is_complete"):
			return s.complete(id, u)
		}
		return nil, broken("Invalid parameters")
	})
}

func (u *upload) progress(id, kind, status string) *object {
	return new(object).add("type", kind).add("stream_id", id).add("status", status).
		add("received_chunks", len(u.chunks)).add("total_chunks", u.total)
}

func (s *state) chunk(c *Call, id string, u *upload) (any, error) {
	data, err := base64.StdEncoding.DecodeString(c.Params.Text("chunk_data"))
	if err != nil || c.Params["chunk_index"] == nil {
		return nil, broken("Invalid chunk")
	}
	index := c.Params.int("chunk_index", 0)
	if u == nil {
		total := c.Params.int("total_chunks", 0)
		if total < 1 || total > maxChunks || len(s.uploads) >= maxStreams {
			return nil, broken("total_chunks is required for the first chunk")
		}
		u = &upload{total: total, chunks: make(map[int64][]byte), size: c.Params.int("file_size", -1),
			name: c.Params.Text("filename"), sha: c.Params.Text("expected_sha256")}
		if u.name == "" {
			u.name = "upload_" + id
		}
		s.uploads[id] = u
	}
	if index < 0 || index >= u.total {
		return nil, broken("Invalid chunk index")
	}
	grown := len(data) - len(u.chunks[index]) // a repeated chunk replaces the first
	held := 0
	for _, other := range s.uploads {
		held += other.bytes
	}
	if held+grown > maxUploadBytes {
		delete(s.uploads, id)
		return nil, broken("Memory limit exceeded")
	}
	u.bytes += grown
	u.chunks[index] = data
	return packets{u.progress(id, "stream", "chunk_received")}, nil
}

func (s *state) complete(id string, u *upload) (any, error) {
	if u == nil {
		return nil, broken("Stream not found")
	}
	if int64(len(u.chunks)) < u.total {
		return nil, broken("Stream incomplete: %d/%d chunks", len(u.chunks), u.total)
	}
	delete(s.uploads, id)
	whole := make([]byte, 0, u.bytes)
	for i := range u.total {
		whole = append(whole, u.chunks[i]...)
	}
	sum := sha256.Sum256(whole)
	sha := hex.EncodeToString(sum[:])
	if u.size >= 0 && u.size != int64(len(whole)) {
		return nil, broken("File size mismatch")
	}
	if u.sha != "" && u.sha != sha {
		return nil, broken("SHA256 mismatch")
	}
	s.files.put(u.name, u.name, whole)
	s.files.put(hostPath(u.name), u.name, whole)
	return packets{u.progress(id, "response", "file_complete").add("file_path", hostPath(u.name)).
		add("file_size", len(whole)).add("sha256", sha)}, nil
}
