//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The fields of a header or trailer section (RFC 9110 §5, §6.5): order and repetitions kept, names compared without
/// regard to case, values kept octet for octet.
///
/// ```swift
/// var fields: HeaderFields = ["Content-Type": "text/plain", "Cache-Control": "max-age=60"]
/// fields.append("Vary", "Accept-Encoding")
/// fields["cache-control"]          // "max-age=60"
/// ```
///
/// The fields are held as they stand on the wire of HTTP/1.1 (`Name: value CRLF`), beside an index of where each begins.
/// A value of this type is one reference: copying is O(1), and a server writes a whole section with one copy.
public struct HeaderFields: @unchecked Sendable {
  // @unchecked: storage is copied before it is written to unless it is uniquely referenced, so what is shared never changes.
  var storage: HeaderStorage

  /// No fields.
  public init() {
    storage = HeaderStorage.empty
  }

  /// The fields that are in `storage`, from where others may have them as well.
  @inline(__always)
  init(sharing storage: HeaderStorage) {
    self.storage = storage
  }

  /// Fields in order.
  public init(_ fields: some Sequence<(HeaderName, String)>) {
    self.init()
    for (name, value) in fields { append(name, value) }
  }

  /// Makes room for at least `fieldCount` fields of together `byteCount` octets on the wire.
  public mutating func reserveCapacity(fieldCount: Int, byteCount: Int) {
    let header = storage.summary
    if isKnownUniquelyReferenced(&storage), fieldCount <= header.fieldCapacity, byteCount <= header.byteCapacity {
      return
    }
    storage = storage.copy(fieldCapacity: fieldCount, byteCapacity: byteCount)
  }

  /// Adds a field behind the others.
  ///
  /// White space around the value is dropped; an octet that may not stand in a value (CR, LF, NUL and other controls)
  /// becomes a space, as RFC 9110 §5.5 prescribes, so that no value can end its line.
  ///
  /// - Complexity: O(length of the field), amortised.
  public mutating func append(_ name: HeaderName, _ value: String) {
    var spelling = name.spelling
    var value = value
    spelling.withUTF8 { nameBytes in
      value.withUTF8 { valueBytes in
        appendUnchecked(
          name: UnsafeRawBufferPointer(nameBytes), known: name.known, value: UnsafeRawBufferPointer(valueBytes))
      }
    }
  }

  /// Adds a field from octets, as a parser has them.
  ///
  /// - Returns: Whether it was added: false when `name` is not a token (RFC 9110 §5.6.2). The value is treated as in
  ///   ``append(_:_:)``.
  @discardableResult
  public mutating func append(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Bool {
    guard !name.isEmpty, name.allSatisfy(ASCII.isTokenCharacter) else { return false }
    appendUnchecked(name: name, known: KnownHeader.recognize(name), value: value)
    return true
  }

  /// The values of the field `name`, joined by ", " as RFC 9110 §5.3 allows for lists; nil when there is none.
  /// Setting replaces all fields of that name with one, where the first of them stood; setting nil removes them.
  public subscript(name: HeaderName) -> String? {
    get {
      guard contains(name) else { return nil }
      let values = values(of: name)
      return values.count > 1 ? values.joined(separator: ", ") : values.first
    }
    set {
      guard let newValue else {
        removeAll(name)
        return
      }
      guard contains(name) else {
        append(name, newValue)
        return
      }
      var rest = HeaderFields()
      var isReplaced = false
      for position in 0..<count {
        if !matches(position, name) {
          rest.appendField(position, of: self)
        } else if !isReplaced {
          rest.append(name, newValue)
          isReplaced = true
        }
      }
      self = rest
    }
  }

  /// The values of all fields called `name`, in order; octets that are not UTF-8 are shown as U+FFFD.
  public func values(of name: HeaderName) -> [String] {
    var values: [String] = []
    forEachValue(of: name) { value in
      value.withUnsafeBufferPointer { values.append(String(decoding: $0, as: UTF8.self)) }
    }
    return values
  }

  /// Calls `body` with the octets of each value of `name`, in order. The views are valid only during the call.
  ///
  /// - Complexity: O(number of fields); O(1) when a name that HTTP caching knows is absent.
  public func forEachValue(of name: HeaderName, _ body: (Span<UInt8>) -> Void) {
    if let known = name.known, storage.summary.presence & known.bit == 0 { return }
    for position in 0..<count where matches(position, name) {
      withValue(at: position, body)
    }
  }

  /// Whether there is a field called `name`.
  public func contains(_ name: HeaderName) -> Bool {
    if let known = name.known { return storage.summary.presence & known.bit != 0 }
    return indices.contains { matches($0, name) }
  }

  /// Removes all fields called `name`.
  public mutating func removeAll(_ name: HeaderName) {
    guard contains(name) else { return }
    let name = name
    self = filter { view in !view.isNamed(name) }
  }

  /// The section as it stands on the wire of HTTP/1.1: for each field `Name: value CR LF`, without the empty line
  /// that ends a section. Valid only during the call.
  public func withSerializedBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try storage.withBytes(body)
  }

  /// The length of the section on the wire of HTTP/1.1, without the empty line that ends it.
  public var serializedByteCount: Int { storage.summary.byteCount }
}

extension HeaderFields: RandomAccessCollection {
  /// One field, as text.
  public struct Element: Hashable, Sendable {
    /// The name, as it was spelled.
    public let name: HeaderName
    /// The value; octets that are not UTF-8 are shown as U+FFFD.
    public let value: String
  }

  /// The position of the first field.
  public var startIndex: Int { 0 }
  /// The position behind the last field.
  public var endIndex: Int { storage.summary.fieldCount }

  /// The field at `position`.
  ///
  /// - Complexity: O(length of the field): it is decoded to text.
  public subscript(position: Int) -> Element {
    precondition(position >= 0 && position < count, "field position out of bounds")
    return withName(at: position) { name in
      withValue(at: position) { value in
        Element(
          name: HeaderName(stringLiteral: name.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }),
          value: value.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) })
      }
    }
  }
}

extension HeaderFields: ExpressibleByDictionaryLiteral, Hashable, CustomStringConvertible {
  /// Fields from a literal, in order: `["Content-Type": "text/plain"]`.
  public init(dictionaryLiteral elements: (HeaderName, String)...) {
    self.init(elements)
  }

  /// Whether both have the same fields in the same order. Names are compared without regard to case.
  public static func == (left: HeaderFields, right: HeaderFields) -> Bool {
    left.storage === right.storage || left.elementsEqual(right)
  }

  /// Feeds what equality compares into `hasher`.
  public func hash(into hasher: inout Hasher) {
    for field in self { hasher.combine(field) }
  }

  /// The value as text, for people.
  public var description: String {
    map { "\($0.name): \($0.value)" }.joined(separator: "\n")
  }
}
