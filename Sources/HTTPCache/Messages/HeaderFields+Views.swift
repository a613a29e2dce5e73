//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension HeaderFields {
  /// One field, seen without copying it. Valid only inside the closure that received it.
  struct View {
    fileprivate let fields: HeaderFields
    let position: Int

    var known: KnownHeader? { fields.storage.entry(position).known }
    var nameLength: Int { fields.storage.entry(position).nameRange.count }
    func isNamed(_ name: HeaderName) -> Bool { fields.matches(position, name) }
    func withName<Result>(_ body: (Span<UInt8>) -> Result) -> Result { fields.withName(at: position, body) }
  }

  /// Which of the known names are present, one bit each (`KnownHeader.bit`).
  @inline(__always)
  var presence: UInt64 { storage.summary.presence }

  @inline(__always)
  func contains(_ known: KnownHeader) -> Bool { presence & known.bit != 0 }

  /// The fields that `isIncluded` wants. Shares the storage when it wants them all, and is to get no more.
  ///
  /// - Parameters:
  ///   - fieldCount: The number of fields to make room for beyond those.
  ///   - byteCount: The octets that they will take on the wire.
  @inline(__always)
  func filter(
    reservingFieldCount fieldCount: Int = 0, byteCount: Int = 0, _ isIncluded: (View) -> Bool
  ) -> HeaderFields {
    guard
      let first = fieldCount > 0 ? 0 : indices.first(where: { !isIncluded(View(fields: self, position: $0)) })
    else { return self }
    let kept = HeaderStorage.make(
      fieldCapacity: count + fieldCount, byteCapacity: serializedByteCount + byteCount)
    // Neighbours are copied together.
    var start = 0
    for position in first..<count where !isIncluded(View(fields: self, position: position)) {
      kept.append(storage, start..<position)
      start = position + 1
    }
    kept.append(storage, start..<count)
    return HeaderFields(sharing: kept)
  }

  /// Removes the fields whose name, as it is spelled, `isUnwanted` wants removed: in one pass, and without copying when there
  /// are none.
  package mutating func removeAll(namedAs isUnwanted: (UnsafeRawBufferPointer) -> Bool) {
    self = filter { view in
      !view.withName { name in name.withUnsafeBytes { isUnwanted($0) } }
    }
  }

  /// Adds a space and `octets` to the value of the last field, if there is one.
  package mutating func extendLastValue(with octets: UnsafeRawBufferPointer) {
    guard let last = indices.last else { return }
    var value = withValue(at: last) { value in value.withUnsafeBytes { Array($0) } }
    value.append(ASCII.space)
    value.append(contentsOf: octets)
    var extended = HeaderFields()
    extended.reserveCapacity(fieldCount: count, byteCount: serializedByteCount + octets.count + 1)
    for position in 0..<last { extended.appendField(position, of: self) }
    let known = known(at: last)
    withName(at: last) { name in
      name.withUnsafeBytes { name in
        value.withUnsafeBytes { extended.appendUnchecked(name: name, known: known, value: $0) }
      }
    }
    self = extended
  }

  /// Adds a field whose name is one of the known ones.
  mutating func append(_ known: KnownHeader, _ value: UnsafeRawBufferPointer) {
    let spelling = known.spelling
    appendUnchecked(
      name: UnsafeRawBufferPointer(start: spelling.utf8Start, count: spelling.utf8CodeUnitCount), known: known,
      value: value)
  }

  mutating func append(_ known: KnownHeader, _ value: String) {
    var value = value
    value.withUTF8 { append(known, UnsafeRawBufferPointer($0)) }
  }

  /// Adds the field at `position` of `other`, spelling and octets kept.
  mutating func appendField(_ position: Int, of other: HeaderFields) {
    let entry = other.storage.entry(position)
    other.storage.withBytes { bytes in
      appendUnchecked(
        name: UnsafeRawBufferPointer(rebasing: bytes[entry.nameRange]), known: entry.known,
        value: UnsafeRawBufferPointer(rebasing: bytes[entry.valueRange]))
    }
  }

  /// Adds the fields of another section behind the others. What has to be copied for that gets no more room than it takes.
  mutating func append(contentsOf other: HeaderFields) {
    let (own, added) = (storage.summary, other.storage.summary)
    let fieldCount = own.fieldCount + added.fieldCount
    let byteCount = own.byteCount + added.byteCount
    if !isKnownUniquelyReferenced(&storage) || fieldCount > own.fieldCapacity || byteCount > own.byteCapacity {
      storage = storage.copy(fieldCapacity: fieldCount, byteCapacity: byteCount)
    }
    storage.append(other.storage, 0..<added.fieldCount)
  }

  /// Calls `body` with the octets of the first value of `known`; nil when there is none.
  func withFirstValue<Result>(of known: KnownHeader, _ body: (Span<UInt8>) -> Result) -> Result? {
    position(of: known).map { withValue(at: $0, body) }
  }

  /// Where the first field of this name stands, from `start` on; nil when there is none.
  func position(of known: KnownHeader, from start: Int = 0) -> Int? {
    contains(known) ? storage.position(of: known, from: start) : nil
  }

  /// Where the first field of this name stands, from `start` on; nil when there is none.
  @inline(__always)
  func position(named name: HeaderName, from start: Int) -> Int? {
    if let known = name.known { return position(of: known, from: start) }
    for position in start..<Swift.max(start, count) where matches(position, name) { return position }
    return nil
  }

  /// Calls `body` with the octets of each value of `known`, in order.
  func forEachValue(of known: KnownHeader, _ body: (Span<UInt8>) -> Void) {
    var next = position(of: known)
    while let position = next {
      withValue(at: position, body)
      next = storage.position(of: known, from: position + 1)
    }
  }

  /// Whether there are several fields of this name.
  func hasRepeated(_ known: KnownHeader) -> Bool {
    position(of: known).map { storage.position(of: known, from: $0 + 1) != nil } ?? false
  }

  func known(at position: Int) -> KnownHeader? { storage.entry(position).known }

  func withValue<Result>(at position: Int, _ body: (Span<UInt8>) -> Result) -> Result {
    withSpan(storage.entry(position).valueRange, body)
  }

  func withName<Result>(at position: Int, _ body: (Span<UInt8>) -> Result) -> Result {
    withSpan(storage.entry(position).nameRange, body)
  }

  private func withSpan<Result>(_ range: Range<Int>, _ body: (Span<UInt8>) -> Result) -> Result {
    storage.withBytes { bytes in
      body(Span(_unsafeElements: UnsafeRawBufferPointer(rebasing: bytes[range]).assumingMemoryBound(to: UInt8.self)))
    }
  }

  func matches(_ position: Int, _ name: HeaderName) -> Bool {
    let entry = storage.entry(position)
    guard entry.known == name.known else { return false }
    if entry.known != nil { return true }
    var canonical = name.canonical
    return storage.withBytes { bytes in
      let spelled = UnsafeRawBufferPointer(rebasing: bytes[entry.nameRange])
      return canonical.withUTF8 { ASCII.equalsIgnoringCase(spelled, UnsafeRawBufferPointer($0)) }
    }
  }

  /// Adds a field whose name is already known to be a token.
  mutating func appendUnchecked(name: UnsafeRawBufferPointer, known: KnownHeader?, value: UnsafeRawBufferPointer) {
    var start = 0
    var end = value.count
    // What may not stand in a value becomes a space when it is stored, and spaces around a value are none of it.
    while start < end, Self.becomesSpace(value[start]) { start += 1 }
    while end > start, Self.becomesSpace(value[end - 1]) { end -= 1 }
    ensureUnique(extraFields: 1, extraBytes: name.count + (end - start) + 4)
    storage.append(name: name, known: known, value: UnsafeRawBufferPointer(rebasing: value[start..<end]))
  }

  private static func becomesSpace(_ byte: UInt8) -> Bool { byte <= 0x20 || byte == 0x7F }

  /// The same fields without room for more.
  var compact: HeaderFields { HeaderFields(sharing: storage.compact) }

  /// Notes for how long these fields can be sent as they are.
  mutating func setValidity(_ validity: HeadValidity) {
    ensureUnique(extraFields: 0, extraBytes: 0)
    storage.withUnsafeMutablePointerToHeader { $0.pointee.validity = validity }
  }

  mutating func ensureUnique(extraFields: Int, extraBytes: Int) {
    let header = storage.summary
    let fields = header.fieldCount + Swift.max(0, extraFields)
    let bytes = header.byteCount + Swift.max(0, extraBytes)
    if isKnownUniquelyReferenced(&storage), fields <= header.fieldCapacity, bytes <= header.byteCapacity { return }
    // Grow by half again: a head is usually built field by field.
    let isGrowing = fields > header.fieldCapacity || bytes > header.byteCapacity
    storage = storage.copy(
      fieldCapacity: isGrowing ? Swift.max(8, fields + fields / 2) : fields,
      byteCapacity: isGrowing ? Swift.max(256, bytes + bytes / 2) : bytes)
  }
}
