package onebot12

// The standard's return codes, and those that are ours within its ranges.
const (
	OK                 = 0
	BadRequest         = 10001
	UnsupportedAction  = 10002
	BadParam           = 10003
	UnsupportedParam   = 10004
	UnsupportedSegment = 10005
	BadSegment         = 10006
	UnsupportedField   = 10007
	WhoAmI             = 10101
	UnknownSelf        = 10102
	BadHandler         = 20001
	UncaughtFault      = 20002
	DatabaseFault      = 31001
	DiskFault          = 32001
	FileUnknown        = 32005 // unknown, or no longer to be had
	DownloadFault      = 33001
	ReadTimeout        = 33002 // no answer to a call that only reads
	UpstreamFault      = 34001 // NapCat says that it failed
	Uncertain          = 34002 // it may have been done: never do it again by yourself
	PacketBackend      = 34003 // NapCat's packet backend is missing
	BotOffline         = 34101
	UpstreamRefused    = 34102 // NapCat refuses catflap
	MessageUnknown     = 35001
	FriendUnknown      = 35002
	GroupUnknown       = 35003
	MemberUnknown      = 35004
	Blocked            = 36001 // by catflap's rules
	Limited            = 36002 // too much at once
)

// Fault is why a request fails: a return code and its text.
type Fault struct {
	Code    int
	Message string
	Data    []byte // raw JSON for "data", nil for null
}

// Error is the text.
func (f *Fault) Error() string { return f.Message }
