package account

// Cost is what verifying a password against a hash takes.
type Cost struct {
	Memory, Passes uint32 // KiB, count
	Threads        uint8
	KeyLen         int
}

// HashCost opens parseHash to the fuzz targets: a cost over the caps cannot be seen from outside without
// paying it.
func HashCost(hash string) (Cost, bool) {
	h, ok := parseHash(hash)
	return Cost{h.memory, h.time, h.threads, len(h.key)}, ok
}

// Fits is verifyPassword, except that an unreadable hash costs nothing.
func Fits(hash, password string) bool {
	_, ok := parseHash(hash)
	return ok && verifyPassword(hash, password)
}

// Opaque is what is hashed of a password.
var Opaque = opaque

// NewBucketInRow is what failures in a row are counted in.
var NewBucketInRow = newBucketInRow
