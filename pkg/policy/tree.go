package policy

// node is what can follow the segments that lead to it.
type node struct {
	literals  map[string]*node
	parameter *node
	here      map[string]*line // by method
	below     map[string]*line // those that end in a greedy parameter here, by method
}

// insert adds the line, or returns the one that stands there.
func (n *node) insert(path pattern, l *line) (other *line) {
	if len(path) == 0 {
		return put(&n.here, l)
	}
	switch first := path[0]; first.kind {
	case greedy:
		return put(&n.below, l)
	case parameter:
		if n.parameter == nil {
			n.parameter = &node{}
		}
		return n.parameter.insert(path[1:], l)
	default:
		next := n.literals[first.literal]
		if next == nil {
			next = &node{}
			if n.literals == nil {
				n.literals = map[string]*node{}
			}
			n.literals[first.literal] = next
		}
		return next.insert(path[1:], l)
	}
}

func put(lines *map[string]*line, l *line) (other *line) {
	if *lines == nil {
		*lines = map[string]*line{}
	}
	if other = (*lines)[l.method]; other == nil {
		(*lines)[l.method] = l
	}
	return other
}

// match returns the most specific line: a literal before a parameter before a greedy one, and of one path the method before ANY.
func (n *node) match(method string, path []string) *line {
	if len(path) == 0 {
		return byMethod(n.here, method)
	}
	if next := n.literals[path[0]]; next != nil {
		if l := next.match(method, path[1:]); l != nil {
			return l
		}
	}
	if n.parameter != nil {
		if l := n.parameter.match(method, path[1:]); l != nil {
			return l
		}
	}
	return byMethod(n.below, method)
}

// byMethod lets a line for GET be one for HEAD too: what answers the one usually answers the other.
func byMethod(lines map[string]*line, method string) *line {
	l := lines[method]
	if l == nil && method == "HEAD" {
		l = lines["GET"]
	}
	if l == nil {
		l = lines["ANY"]
	}
	return l
}
