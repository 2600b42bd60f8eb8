package probe

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"
)

// Layer is where in a network's graph a Signal is taken.
type Layer struct {
	Name string // path of the layer's scope within the network, such as "hidden_1"
	Kind SignalKind
	Node *Node // [images, …]

	images     int
	activation activationKind
}

// Layers builds the network on images, [n, 784], in training mode, and returns the hidden layers that it recognizes in its graph,
// in the order in which the network computes them, whatever model function built it:
//
//   - A PreActivation is the input of a sigmoid, of tanh, or of ReLU, max(x, 0). Of swish it is the input of the sigmoid,
//     which is swish's own.
//   - A LinearOutput is a product or convolution of something that depends on the images with something that has a trainable
//     variable in it and does not. The last one, which gives the logits, is no hidden layer's.
//
// Activations of other kinds (GELU, SELU, leaky ReLU, clipped ones such as hard sigmoid) are not recognized as such: there,
// the LinearOutput is all that is found.
func (l *Look) Layers(images *Node) []Layer {
	checkImages(images)
	trainable := map[*Node]string{}
	for _, v := range l.state.Variables {
		if v.Trainable {
			trainable[v.Value] = v.Name
		}
	}
	before := len(images.Graph().Nodes())
	l.Logits(images)
	return layers(images.Graph().Nodes()[before:], images, trainable)
}

// anatomy is what the graph of a network says about its layers.
type anatomy struct {
	images     *Node
	fromImages map[*Node]bool     // depends on the images
	variable   map[*Node]string   // path of a trainable variable that a node depends on, if it does not depend on the images
	dots       map[[2]*Node]*Node // the plain product of the operands of a fused dense layer, which is a product and a bias
	clipped    map[*Node]bool     // goes into a minimum with something that does not depend on the images
	nodes      []*Node
}

// layers finds the hidden layers. nodes are those that the model function added to the graph, in their order, images its input,
// [n, 784], trainable its trainable variables with their paths.
func layers(nodes []*Node, images *Node, trainable map[*Node]string) []Layer {
	a := &anatomy{
		images:     images,
		fromImages: map[*Node]bool{images: true},
		variable:   map[*Node]string{},
		dots:       map[[2]*Node]*Node{},
		clipped:    map[*Node]bool{},
	}
	for node, path := range trainable {
		a.variable[node] = path
	}
	for _, n := range nodes {
		if n.Function() == images.Function() { // not in the body of a loop
			a.add(n)
		}
	}
	return a.layers()
}

func (a *anatomy) add(n *Node) {
	a.nodes = append(a.nodes, n)
	for _, in := range n.Inputs() {
		if in == nil {
			continue
		}
		if a.fromImages[in] {
			a.fromImages[n] = true
		} else if path := a.variable[in]; path != "" && a.variable[n] == "" {
			a.variable[n] = path
		}
	}
	switch n.Type() {
	case NodeTypeDotGeneral:
		a.dots[[2]*Node(n.Inputs())] = n
	case NodeTypeMin:
		for i, in := range n.Inputs() {
			if a.fromImages[in] && !a.fromImages[n.Inputs()[1-i]] {
				a.clipped[in] = true
			}
		}
	}
}

// hasSignal reports whether n is an array of numbers with the images along its first axis.
func (a *anatomy) hasSignal(n *Node) bool {
	return a.fromImages[n] && n.NumOutputs() == 1 && n.Shape().Rank() >= 2 && n.DType().IsFloat() &&
		n.Shape().Dim(0) == a.images.Shape().Dim(0)
}

// operands returns the factors of a product: one that depends on the images, and one that does not but has a trainable
// variable in it, whose path is returned. Both are nil if n is no such product.
func (a *anatomy) operands(n *Node) (x *Node, path string) {
	if t := n.Type(); t != NodeTypeDotGeneral && t != NodeTypeConvGeneral || !a.hasSignal(n) {
		return nil, ""
	}
	lhs, rhs := n.Inputs()[0], n.Inputs()[1]
	if a.fromImages[rhs] {
		lhs, rhs = rhs, lhs
	}
	if a.fromImages[rhs] || a.variable[rhs] == "" {
		return nil, ""
	}
	return lhs, a.variable[rhs]
}

// unfused returns the product in n, if n is a product or a fused dense layer.
func (a *anatomy) unfused(n *Node) *Node {
	if n.Type() == NodeTypeFusedDense {
		n = a.dots[[2]*Node(n.Inputs()[:2])]
	}
	if n != nil {
		if x, _ := a.operands(n); x != nil {
			return n
		}
	}
	return nil
}

// products returns the products that n comes from without another between.
func (a *anatomy) products(n *Node) []*Node {
	var found []*Node
	seen := map[*Node]bool{}
	var visit func(n *Node)
	visit = func(n *Node) {
		if n == nil || seen[n] || !a.fromImages[n] {
			return
		}
		seen[n] = true
		if p := a.unfused(n); p != nil {
			found = append(found, p)
			return
		}
		for _, in := range n.Inputs() {
			visit(in)
		}
	}
	visit(n)
	return found
}

// product returns the last product that n comes from, nil if there is none, and whether only a bias stands between.
func (a *anatomy) product(n *Node) (p *Node, bare bool) {
	for at := n; at != nil; {
		if p := a.unfused(at); p != nil {
			return p, true
		}
		switch at.Type() {
		case NodeTypeAdd, NodeTypeSub:
			lhs, rhs := at.Inputs()[0], at.Inputs()[1]
			switch {
			case !a.fromImages[rhs]:
				at = lhs
			case !a.fromImages[lhs]:
				at = rhs
			default:
				at = nil
			}
		case NodeTypeReshape, NodeTypeDynamicReshape, NodeTypeConvertDType, NodeTypeIdentity:
			at = at.Inputs()[0]
		default:
			at = nil
		}
	}
	all := a.products(n)
	if len(all) == 0 {
		return nil, false
	}
	return slices.MaxFunc(all, byID), false
}

func byID(a, b *Node) int { return cmp.Compare(a.Id(), b.Id()) }

// activation returns the input of an activation function that n is the output of.
func (a *anatomy) activation(n *Node) (x *Node, kind activationKind) {
	switch n.Type() {
	case NodeTypeLogistic:
		x, kind = n.Inputs()[0], sigmoidActivation
	case NodeTypeTanh:
		x, kind = n.Inputs()[0], tanhActivation
	case NodeTypeMax:
		lhs, rhs := n.Inputs()[0], n.Inputs()[1]
		switch {
		case a.clipped[n]:
		case isZero(rhs):
			x, kind = lhs, reluActivation
		case isZero(lhs):
			x, kind = rhs, reluActivation
		}
	}
	if x == nil || !a.hasSignal(x) {
		return nil, noActivation
	}
	return x, kind
}

// isZero reports whether n is a constant 0, of whatever shape.
func isZero(n *Node) bool {
	for n.Type() == NodeTypeBroadcastInDim || n.Type() == NodeTypeReshape || n.Type() == NodeTypeConvertDType {
		n = n.Inputs()[0]
	}
	value := n.ConstantValue()
	return value != nil && value.Size() == 1 && strings.Trim(fmt.Sprint(value.Value()), "[]") == "0"
}

func (a *anatomy) layers() []Layer {
	var found []Layer
	images := a.images.Shape().Dim(0)
	hidden := map[*Node]bool{} // products that another comes from
	bare := map[*Node]bool{}   // products that are pre-activations but for a bias
	names := map[*Node]string{}
	taken := map[string]bool{}
	unique := func(kind SignalKind, name string) string {
		for i, base := 2, name; taken[kind.String()+name]; i++ {
			name = fmt.Sprintf("%s#%d", base, i)
		}
		taken[kind.String()+name] = true
		return name
	}
	for _, n := range a.nodes {
		if x, path := a.operands(n); x != nil {
			names[n] = unique(LinearOutput, layerName(path))
			for _, p := range a.products(x) {
				hidden[p] = true
			}
		}
	}
	seen := map[*Node]bool{}
	for _, n := range a.nodes {
		x, kind := a.activation(n)
		if x == nil || seen[x] {
			continue
		}
		seen[x] = true
		p, isBare := a.product(x)
		bare[p] = bare[p] || isBare
		layer := "activation"
		if p != nil {
			layer = names[p]
		}
		found = append(found, Layer{Name: unique(PreActivation, layer), Kind: PreActivation, Node: x, images: images, activation: kind})
	}
	for p := range hidden {
		if !bare[p] {
			found = append(found, Layer{Name: names[p], Kind: LinearOutput, Node: p, images: images})
		}
	}
	slices.SortFunc(found, func(a, b Layer) int { return byID(a.Node, b.Node) })
	return found
}

// layerName returns the scope of a variable, without the scope that GoMLX's dense layer adds; for a variable outside any scope,
// its own name.
func layerName(path string) string {
	path = strings.TrimPrefix(path, "/")
	scope := path[:max(strings.LastIndex(path, "/"), 0)]
	if scope == "" {
		return path
	}
	return strings.TrimSuffix(scope, "/dense")
}
