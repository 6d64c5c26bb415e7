/// Elements with consecutive numbers, of which the oldest leave and newer ones come.
///
/// A ring: nothing is moved or allocated while the window moves on.
package struct SequenceWindow<Element> {
    /// Number of the oldest element, or of the next one while there is none.
    package private(set) var first: Int
    package private(set) var count = 0
    private var storage: [Element?]

    package init(first: Int) {
        self.first = first
        storage = Array(repeating: nil, count: 16)
    }

    /// Number of the element that is appended next.
    package var end: Int { first + count }
    package var isEmpty: Bool { count == 0 }
    package var indices: Range<Int> { first..<end }

    package mutating func append(_ element: Element) {
        if count == storage.count { grow() }
        storage[slot(end)] = element
        count += 1
    }

    @discardableResult
    package mutating func removeFirst() -> Element? {
        guard count > 0 else { return nil }
        let slot = slot(first)
        defer {
            storage[slot] = nil
            first += 1
            count -= 1
        }
        return storage[slot]
    }

    /// `nil` outside of the window.
    package subscript(number: Int) -> Element? {
        get { indices.contains(number) ? storage[slot(number)] : nil }
        set {
            precondition(indices.contains(number), "the window is grown by append alone")
            storage[slot(number)] = newValue
        }
    }

    /// Changes an element; nothing happens outside of the window.
    package mutating func update<Result>(
        _ number: Int,
        _ body: (inout Element) -> Result
    ) -> Result? {
        guard indices.contains(number), var element = storage[slot(number)] else { return nil }
        defer { storage[slot(number)] = element }
        return body(&element)
    }

    /// The number of slots is a power of two.
    private func slot(_ number: Int) -> Int { number & (storage.count - 1) }

    private mutating func grow() {
        var larger = [Element?](repeating: nil, count: 2 * storage.count)
        for number in indices { larger[number & (larger.count - 1)] = storage[slot(number)] }
        storage = larger
    }
}
