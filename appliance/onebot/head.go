package onebot

// Head is what catflap knows of a frame without decoding it: the fields that
// routing, policy, memory and history need. All byte slices point into the
// frame and live as long as it does.
type Head struct {
	PostType string // message, message_sent, notice, request, meta_event; "" on a response
	Detail   string // message_type, notice_type, request_type or meta_event_type
	SubType  string

	Time   int64 // unix seconds
	SelfID uint64
	// UserID of a message that has no user_id is its sender.user_id, of an
	// online_file notice its peer_id: the chat it belongs to.
	UserID   uint64
	GroupID  uint64
	TargetID uint64 // the peer of an own or private message; who was poked
	// OperatorID is who did it. In the poke of a friend it is NapCat's
	// sender_id, because user_id is the peer there whoever poked.
	OperatorID uint64
	MessageID  int64  // may be negative in other implementations
	RealSeq    []byte // body of real_seq, the only number that orders a chat
	Flag       []byte // body of a request's flag

	Message []byte // raw JSON value: a message's segments or CQ string, a response's error text
	// MessageAt is the offset of Message in the frame: a copy of the frame has its message at the same place.
	MessageAt int
	// Media: the message is an array with an image, record, video or file segment.
	Media   bool
	Sender  []byte // raw JSON value
	Comment []byte // raw JSON value
	Wording []byte // raw JSON value, responses only
	Data    []byte // raw JSON value, responses only; nil when NapCat left it out
	Health  []byte // raw status object of a heartbeat, for Online

	Echo      []byte // raw JSON value with its quotes; nil when there is no such key
	Status    string // ok, failed, async
	Retcode   int64  // -1 when it is absent or no number and status is not ok
	Stream    bool   // stream is "stream-action"
	StreamEnd bool   // no stream, or data.type is response or error: no frame follows

	Missing Missing // what Complete has to mend

	echoAt     int    // offset of Echo in the frame
	echoes     int    // how many echo keys there are
	senderUser uint64 // sender.user_id
	nulled     uint32 // id fields whose value is unusable (null, text, 20 digits)
}

// Missing tells what a frame lacks, or has in a form that ends a framework's
// process or loses it the event (frameworks.md, section 0, rules 11, 13, 14).
type Missing uint32

// The faults that PeekHead finds in events. Responses have none.
const (
	MissingDetail     Missing = 1 << iota // message_type, notice_type, ... : not completable
	MissingTime                           // absent or unusable: the caller may set Head.Time before Complete
	MissingSelfID                         // absent or unusable: the caller may set Head.SelfID before Complete
	MissingUserID                         // message without user_id; Head.UserID may come from its sender
	MissingGroupID                        // group message without group_id: not completable
	MissingSubType                        // message or notify without sub_type
	MissingMessageID                      // message without message_id
	MissingMessage                        // message without message, or it is neither text nor segments
	MissingRawMessage                     // message without raw_message
	MissingFont                           // message without font
	MissingSender                         // message without a sender object
	MissingSenderID                       // sender without a usable user_id
	MissingHonorType                      // notify.honor without honor_type
	LooseID                               // an id is a string, has a fraction of zeros, or is null
	LooseTime                             // time is a string or has a fraction
	LooseSenderID                         // sender.user_id is a string
	LooseLevel                            // sender.level is a number
	LooseSegment                          // a segment is no object, has no text as type, or no object as data
	MissingFlag                           // request without flag: nobody could answer it, not completable
	LooseFlag                             // flag is a number
	EchoOnEvent                           // an echo key makes ZeroBot take the event for an answer
)

// IsEvent reports whether the frame has a post_type.
func (h *Head) IsEvent() bool { return h.PostType != "" }

// IsResponse reports whether the frame answers a call: no post_type, but an
// echo or a status.
func (h *Head) IsResponse() bool {
	return h.PostType == "" && (h.Echo != nil || h.Status != "")
}

// field numbers the top-level keys that PeekHead knows.
type field uint8

const (
	fieldNone field = iota
	fieldTime
	fieldSelfID
	fieldUserID
	fieldGroupID
	fieldTargetID
	fieldOperatorID
	fieldSenderID
	fieldMessageID
	fieldPostType
	fieldMessageType
	fieldNoticeType
	fieldRequestType
	fieldMetaEventType
	fieldSubType
	fieldMessage
	fieldRawMessage
	fieldFont
	fieldSender
	fieldRealSeq
	fieldFlag
	fieldComment
	fieldEcho
	fieldStatus
	fieldRetcode
	fieldStream
	fieldData
	fieldWording
	fieldHonorType
	fieldPeerID
)

func fieldOf(key []byte) field {
	switch string(key) {
	case "time":
		return fieldTime
	case "self_id":
		return fieldSelfID
	case "user_id":
		return fieldUserID
	case "group_id":
		return fieldGroupID
	case "target_id":
		return fieldTargetID
	case "operator_id":
		return fieldOperatorID
	case "sender_id":
		return fieldSenderID
	case "message_id":
		return fieldMessageID
	case "post_type":
		return fieldPostType
	case "message_type":
		return fieldMessageType
	case "notice_type":
		return fieldNoticeType
	case "request_type":
		return fieldRequestType
	case "meta_event_type":
		return fieldMetaEventType
	case "sub_type":
		return fieldSubType
	case "message":
		return fieldMessage
	case "raw_message":
		return fieldRawMessage
	case "font":
		return fieldFont
	case "sender":
		return fieldSender
	case "real_seq":
		return fieldRealSeq
	case "flag":
		return fieldFlag
	case "comment":
		return fieldComment
	case "echo":
		return fieldEcho
	case "status":
		return fieldStatus
	case "retcode":
		return fieldRetcode
	case "stream":
		return fieldStream
	case "data":
		return fieldData
	case "wording":
		return fieldWording
	case "honor_type":
		return fieldHonorType
	case "peer_id":
		return fieldPeerID
	}
	return fieldNone
}

// idFields are the keys that frameworks read as integers.
const idFields = 1<<fieldSelfID | 1<<fieldUserID | 1<<fieldGroupID | 1<<fieldTargetID |
	1<<fieldOperatorID | 1<<fieldSenderID | 1<<fieldMessageID
