package onebot

// peek is what one pass collects beside the Head.
type peek struct {
	seen  uint32 // fields whose last value is usable
	loose uint32 // of those, the ones that frameworks would misread
	// Raw values that can only be judged when the whole frame has been read:
	// NapCat writes post_type last.
	post, message, notice, request, meta, sub, status, stream, sender, peer uint64
	senderLoose, senderSeen, levelLoose, segmentLoose                       bool
	streamEnd                                                               bool
}

// span packs the place of a raw value; frames are far below 4 GiB.
func span(at, end int) uint64 { return uint64(uint32(at))<<32 | uint64(uint32(end)) }

func cut(b []byte, s uint64) []byte { return b[s>>32 : s&0xffffffff] }

// PeekHead validates the frame strictly (one JSON object, white space around
// it allowed, no deeper than MaxDepth) and fills h in the same pass. Of a key
// that stands twice the last counts, as in JSON.parse. Nothing is allocated
// for frames whose type words are known ones.
//
// The errors are ErrNotObject, ErrDepth and *SyntaxError; h is then undefined.
// That the bytes are UTF-8 is the link's business.
func PeekHead(frame []byte, h *Head) error {
	*h = Head{}
	i := space(frame, 0)
	if i >= len(frame) {
		return &SyntaxError{Offset: i}
	}
	if frame[i] != '{' {
		return notObject(frame, i)
	}
	var p peek
	m := members(frame, i, 1)
	for m.next() {
		f := fieldOf(m.key)
		if m.escaped {
			f = escapedField(m.key)
		}
		switch f {
		case fieldSender:
			p.readSender(&m, h)
		case fieldData:
			p.readData(&m)
		case fieldMessage:
			p.readMessage(&m, h)
		default:
			m.skip()
		}
		if m.end < 0 {
			break
		}
		if f != fieldNone {
			p.set(h, f, frame[m.at:m.end], m.at)
		}
	}
	if m.end < 0 {
		return fault(m.end)
	}
	if end := space(frame, m.end); end != len(frame) {
		return &SyntaxError{Offset: end}
	}
	p.finish(frame, h)
	return nil
}

// fault turns the scanner's negative result into an error.
func fault(end int) error {
	if end == tooDeep {
		return ErrDepth
	}
	return &SyntaxError{Offset: ^end}
}

// notObject tells a valid value of another kind from broken JSON.
func notObject(frame []byte, i int) error {
	end := scanValue(frame, i, 0)
	if end < 0 {
		return fault(end)
	}
	if end = space(frame, end); end != len(frame) {
		return &SyntaxError{Offset: end}
	}
	return ErrNotObject
}

// escapedField resolves a key such as "post\u005ftype".
func escapedField(key []byte) field {
	var buf [shortName]byte
	name, ok := shortString(buf[:0], key)
	if !ok {
		return fieldNone
	}
	return fieldOf(name)
}

// set takes one top-level value. A later value of the same key replaces all
// that an earlier one left behind.
func (p *peek) set(h *Head, f field, raw []byte, at int) {
	bit := uint32(1) << f
	where := span(at, at+len(raw))
	p.seen &^= bit
	p.loose &^= bit
	switch f {
	case fieldTime:
		v, form := readTime(raw)
		h.Time = v
		p.note(bit, form)
	case fieldSelfID:
		h.SelfID = p.id(bit, raw)
	case fieldUserID:
		h.UserID = p.id(bit, raw)
	case fieldGroupID:
		h.GroupID = p.id(bit, raw)
	case fieldTargetID:
		h.TargetID = p.id(bit, raw)
	case fieldOperatorID:
		h.OperatorID = p.id(bit, raw)
	case fieldSenderID:
		p.sender = p.id(bit, raw)
	case fieldPeerID:
		p.peer, _ = readID(raw)
	case fieldMessageID:
		v, form := readInt(raw)
		h.MessageID = v
		p.note(bit, form)
	case fieldPostType:
		p.post = where
	case fieldMessageType:
		p.message = where
	case fieldNoticeType:
		p.notice = where
	case fieldRequestType:
		p.request = where
	case fieldMetaEventType:
		p.meta = where
	case fieldSubType:
		p.sub = where
		p.mark(bit, raw[0] == '"')
	case fieldMessage:
		h.Message, h.MessageAt = raw, at
		p.mark(bit, raw[0] == '"' || raw[0] == '[')
	case fieldRawMessage, fieldHonorType:
		p.mark(bit, raw[0] == '"')
	case fieldFont:
		_, form := readInt(raw)
		p.mark(bit, form == formClean)
	case fieldSender:
		h.Sender = raw
		p.mark(bit, raw[0] == '{')
	case fieldRealSeq:
		h.RealSeq = body(raw)
	case fieldFlag:
		h.Flag = body(raw)
		p.mark(bit, h.Flag != nil)
		if isNumber(raw) {
			p.loose |= bit
		}
	case fieldComment:
		h.Comment = raw
	case fieldEcho:
		h.Echo, h.echoAt = raw, at
		h.echoes++
	case fieldStatus:
		p.status = where
	case fieldRetcode:
		v, form := readInt(raw)
		h.Retcode = v
		p.mark(bit, form != formNone)
	case fieldStream:
		p.stream = where
	case fieldData:
		h.Data = raw
	case fieldWording:
		h.Wording = raw
	}
	if idFields&bit != 0 {
		h.nulled &^= bit
		if p.seen&bit == 0 {
			h.nulled |= bit
		}
	}
}

func (p *peek) mark(bit uint32, ok bool) {
	if ok {
		p.seen |= bit
	}
}

func (p *peek) note(bit uint32, form form) {
	if form != formNone {
		p.seen |= bit
	}
	if form == formLoose {
		p.loose |= bit
	}
}

func (p *peek) id(bit uint32, raw []byte) uint64 {
	v, form := readID(raw)
	p.note(bit, form)
	return v
}

// readSender reads the sender object: is there a user_id, is level a number.
func (p *peek) readSender(m *object, h *Head) {
	h.senderUser = 0
	p.senderSeen, p.senderLoose, p.levelLoose = false, false, false
	if m.at >= len(m.b) || m.b[m.at] != '{' {
		m.skip()
		return
	}
	o := members(m.b, m.at, m.depth+1)
	for o.next() {
		o.skip()
		if o.end < 0 {
			break
		}
		switch o.name() {
		case "user_id":
			v, form := readID(o.b[o.at:o.end])
			h.senderUser = v
			p.senderSeen, p.senderLoose = form != formNone, form == formLoose
		case "level":
			p.levelLoose = isNumber(o.b[o.at:o.end])
		}
	}
	m.end = o.end
}

// readData finds data.type: which packet of a stream this is.
func (p *peek) readData(m *object) {
	p.streamEnd = false
	if m.at >= len(m.b) || m.b[m.at] != '{' {
		m.skip()
		return
	}
	o := members(m.b, m.at, m.depth+1)
	for o.next() {
		o.skip()
		if o.end < 0 {
			break
		}
		if o.name() == "type" {
			kind := intern(o.b[o.at:o.end])
			p.streamEnd = kind == "response" || kind == "error"
		}
	}
	m.end = o.end
}

// readMessage looks at each element: one that is no segment makes frameworks
// fail on the whole event.
func (p *peek) readMessage(m *object, h *Head) {
	p.segmentLoose, h.Media = false, false
	if m.at >= len(m.b) || m.b[m.at] != '[' {
		m.skip()
		return
	}
	e := elements(m.b, m.at, m.depth+1)
	for e.next() {
		if e.at >= len(e.b) || e.b[e.at] != '{' {
			p.segmentLoose = true
			e.skip()
			continue
		}
		var whole, medium bool
		if whole, medium, e.end = readSegment(e.b, e.at, m.depth+2); !whole {
			p.segmentLoose = true
		}
		h.Media = h.Media || medium
	}
	m.end = e.end
}

// readSegment reports whether the object at i has a text as type and an object
// as data, and whether it is a medium, and returns its end.
func readSegment(b []byte, i, depth int) (whole, medium bool, end int) {
	var kind, data byte
	m := members(b, i, depth)
	for m.next() {
		m.skip()
		if m.end < 0 {
			break
		}
		switch m.name() {
		case "type":
			kind, medium = b[m.at], mediaKind(b[m.at:m.end]) != ""
		case "data":
			data = b[m.at]
		}
	}
	return kind == '"' && data == '{', medium, m.end
}

// finish gives the fields their meaning once all keys are known.
func (p *peek) finish(frame []byte, h *Head) {
	if p.post != 0 {
		h.PostType = intern(cut(frame, p.post))
	}
	if p.status != 0 {
		raw := cut(frame, p.status)
		if raw[0] == '{' {
			h.Health = raw
		} else {
			h.Status = intern(raw)
		}
	}
	if p.sub != 0 {
		h.SubType = intern(cut(frame, p.sub))
	}
	if h.PostType == "" {
		h.Stream = p.stream != 0 && intern(cut(frame, p.stream)) == "stream-action"
		h.StreamEnd = !h.Stream || p.streamEnd
		if p.seen&(1<<fieldRetcode) == 0 && h.Status != "ok" {
			h.Retcode = -1
		}
		return
	}
	h.StreamEnd = true
	detail := uint64(0)
	switch h.PostType {
	case "message", "message_sent":
		detail = p.message
	case "notice":
		detail = p.notice
	case "request":
		detail = p.request
	case "meta_event":
		detail = p.meta
	}
	if detail != 0 {
		h.Detail = intern(cut(frame, detail))
	}
	if h.OperatorID == 0 && p.sender != 0 && h.SubType == "poke" {
		h.OperatorID = p.sender
	}
	if h.UserID == 0 && h.PostType == "notice" {
		h.UserID = p.peer
	}
	h.Missing = p.missing(h)
}

func (p *peek) missing(h *Head) Missing {
	var out Missing
	lacks := func(f field, bit Missing) {
		if p.seen&(1<<f) == 0 {
			out |= bit
		}
	}
	if h.Detail == "" {
		out |= MissingDetail
	}
	lacks(fieldTime, MissingTime)
	lacks(fieldSelfID, MissingSelfID)
	if p.loose&idFields != 0 || h.nulled != 0 {
		out |= LooseID
	}
	if p.loose&(1<<fieldTime) != 0 {
		out |= LooseTime
	}
	if h.Echo != nil {
		out |= EchoOnEvent
	}
	switch h.PostType {
	case "notice":
		if h.Detail == "notify" {
			lacks(fieldSubType, MissingSubType)
			if h.SubType == "honor" {
				lacks(fieldHonorType, MissingHonorType)
			}
		}
	case "request":
		lacks(fieldFlag, MissingFlag)
		if p.loose&(1<<fieldFlag) != 0 {
			out |= LooseFlag
		}
	case "message", "message_sent":
		lacks(fieldUserID, MissingUserID)
		lacks(fieldSubType, MissingSubType)
		lacks(fieldMessageID, MissingMessageID)
		lacks(fieldMessage, MissingMessage)
		lacks(fieldRawMessage, MissingRawMessage)
		lacks(fieldFont, MissingFont)
		lacks(fieldSender, MissingSender)
		if h.Detail == "group" {
			lacks(fieldGroupID, MissingGroupID)
		}
		if p.seen&(1<<fieldSender) != 0 {
			if !p.senderSeen {
				out |= MissingSenderID
			}
			if p.senderLoose {
				out |= LooseSenderID
			}
			if p.levelLoose {
				out |= LooseLevel
			}
		}
		if p.segmentLoose {
			out |= LooseSegment
		}
		if out&MissingUserID != 0 {
			h.UserID = h.senderUser
		}
	}
	return out
}
