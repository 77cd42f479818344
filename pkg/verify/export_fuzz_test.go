package verify

// ParseKeySet opens parseKeySet to the fuzz target and to tests of one key set after another.
var ParseKeySet = parseKeySet
