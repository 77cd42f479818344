package blocklist

// Contains looks a folded password up in any table.
func Contains(table, folded string) bool { return contains(table, hashOf(folded)) }
