package simulator

import "encoding/base64"

// pixel is a PNG of one pixel: the content of every file that nobody gave one.
const pixel = "\x89PNG\x0d\x0a\x1a\x0a\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00:~\x9bU\x00\x00\x00\x0aIDATx\x9cch\x00\x00\x00\x82\x00\x81w\xcdr\xb6\x00\x00\x00\x00IEND\xaeB`\x82"

// shelf is NapCat's map from file names and ids to files: equal names overwrite each other, the oldest fall out.
type shelf struct {
	files map[string]stored
	order []string
	bytes int
}

type stored struct {
	name string
	data []byte
}

func (s *shelf) put(key, name string, data []byte) {
	if key == "" || len(data) > maxFileBytes {
		return
	}
	if s.files == nil {
		s.files = make(map[string]stored)
	}
	if old, ok := s.files[key]; ok {
		s.bytes -= len(old.data)
	} else {
		s.order = append(s.order, key)
	}
	s.files[key] = stored{name, data}
	s.bytes += len(data)
	for len(s.order) > 1 && (s.bytes > maxFileBytes || len(s.order) > maxFiles) {
		oldest := s.order[0]
		s.order = s.order[1:]
		s.bytes -= len(s.files[oldest].data)
		delete(s.files, oldest)
	}
}

// PutFile gives a file that get_file, get_image, get_record and the download streams find by key, which is a name or a
// file id. The bytes must not be changed afterwards; over 16 MiB is not kept.
func (n *NapCat) PutFile(key, name string, data []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.state.files.put(key, name, data)
}

// keep puts the media of a message that somebody said on the shelf.
func (s *state) keep(segments []Segment) {
	for _, seg := range segments {
		name, _ := seg.Data["file"].(string)
		for _, field := range []string{"file", "file_id"} {
			if key, _ := seg.Data[field].(string); key != "" {
				if _, known := s.files.files[key]; !known {
					s.files.put(key, name, []byte(pixel))
				}
			}
		}
	}
}

// file finds what the parameters file or file_id name.
func (c *Call) file() (stored, error) {
	n := c.nap
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, key := range []string{"file", "file_id"} {
		if f, ok := n.state.files.files[c.Params.Text(key)]; ok {
			return f, nil
		}
	}
	return stored{}, broken("file not found")
}

// getFile is get_file and get_image: a path on NapCat's host, which here names nothing.
func getFile(c *Call) (any, error) {
	f, err := c.file()
	if err != nil {
		return nil, err
	}
	return f.answer(c.nap.opts.LocalFileBase64), nil
}

// getRecord always includes the content.
func getRecord(c *Call) (any, error) {
	f, err := c.file()
	if err != nil {
		return nil, err
	}
	f.name += "." + c.Params.Text("out_format")
	return f.answer(true), nil
}

func (f stored) answer(withContent bool) *object {
	path := hostPath(f.name)
	o := new(object).add("file", path).add("url", path).add("file_size", jsonInt(int64(len(f.data)))).add("file_name", f.name)
	if withContent {
		o.add("base64", base64.StdEncoding.EncodeToString(f.data))
	}
	return o
}

// uploadFile is upload_group_file and upload_private_file: the file appears in the chat as a message.
func uploadFile(c *Call) (any, error) {
	to, err := c.recipient()
	if err != nil {
		return nil, err
	}
	seg := Segment{Type: "file", Data: map[string]any{"file": c.Params.Text("file"), "name": c.Params.Text("name")}}
	if _, err := c.speak(to, []Segment{seg}, encodeSegments([]Segment{seg})); err != nil {
		return nil, err
	}
	id := toText(to.segments[0].Data["file_id"])
	if to.chat.group {
		size := int64(toID(to.segments[0].Data["file_size"]))
		c.nap.Notice(GroupUpload(to.chat.id, to.sender, id, toText(to.segments[0].Data["file"]), size, 102)...)
	}
	return new(object).add("file_id", id), nil
}
