//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The memory behind `HeaderFields`: one allocation that holds the fields as they stand on the wire, and behind them an
/// index of where each field begins.
///
///     [ Content-Type: text/plain\r\nETag: "1"\r\n … free … | index entry 0 | index entry 1 | … free … ]
///      ^ 0                                                   ^ byteCapacity, rounded up to 4
///
/// Mutated only by `HeaderFields`, and only while uniquely referenced.
final class HeaderStorage: ManagedBuffer<HeaderStorage.Header, UInt8> {
  struct Header {
    // A section has less than 4 GiB, see `Entry`.
    private var shortFieldCount: UInt32 = 0
    private var shortFieldCapacity: UInt32
    private var shortByteCount: UInt32 = 0
    private var shortByteCapacity: UInt32
    /// One bit for each known name that is present.
    var presence: UInt64 = 0
    /// For how long the section can be sent as it is. Not copied with it.
    var validity = HeadValidity.never

    init(fieldCapacity: Int, byteCapacity: Int) {
      shortFieldCapacity = UInt32(fieldCapacity)
      shortByteCapacity = UInt32(byteCapacity)
    }

    var fieldCount: Int {
      @inline(__always) get { Int(shortFieldCount) }
      @inline(__always) set { shortFieldCount = UInt32(truncatingIfNeeded: newValue) }
    }

    var byteCount: Int {
      @inline(__always) get { Int(shortByteCount) }
      @inline(__always) set { shortByteCount = UInt32(truncatingIfNeeded: newValue) }
    }

    var fieldCapacity: Int { @inline(__always) get { Int(shortFieldCapacity) } }
    var byteCapacity: Int { @inline(__always) get { Int(shortByteCapacity) } }
  }

  /// Where one field stands. 12 octets.
  struct Entry {
    private var start: UInt32
    let valueLength: UInt32
    let nameLength: UInt16
    private let knownRawValue: UInt8

    init(start: Int, nameLength: Int, valueLength: Int, known: KnownHeader?) {
      self.start = UInt32(start)
      self.nameLength = UInt16(nameLength)
      self.valueLength = UInt32(valueLength)
      self.knownRawValue = known?.rawValue ?? 0xFF
    }

    /// The same for lengths that are known to fit, because they have been read as such or lie within a section of less than
    /// 4 GiB.
    @inline(__always)
    init(fittingStart start: Int, nameLength: Int, valueLength: Int, known: KnownHeader?) {
      self.start = UInt32(truncatingIfNeeded: start)
      self.nameLength = UInt16(truncatingIfNeeded: nameLength)
      self.valueLength = UInt32(truncatingIfNeeded: valueLength)
      self.knownRawValue = known?.rawValue ?? 0xFF
    }

    /// The bit of the name among those that are present; none for a name that is not known.
    @inline(__always)
    var presence: UInt64 { knownRawValue < 64 ? 1 << UInt64(knownRawValue) : 0 }

    /// The same field that many octets further behind, in a section of less than 4 GiB.
    @inline(__always)
    func moved(by byteCount: Int) -> Entry {
      var entry = self
      entry.start = UInt32(truncatingIfNeeded: Int(entry.start) &+ byteCount)
      return entry
    }

    var known: KnownHeader? { KnownHeader(rawValue: knownRawValue) }
    @inline(__always)
    func isKnown(as name: KnownHeader) -> Bool { knownRawValue == name.rawValue }
    var nameRange: Range<Int> { Int(start)..<Int(start) + Int(nameLength) }
    var valueRange: Range<Int> {
      let valueStart = Int(start) + Int(nameLength) + 2
      return valueStart..<valueStart + Int(valueLength)
    }
  }

  /// The bytes that the storage takes; none for the shared one of empty sections.
  var allocationByteCount: Int {
    self === Self.empty ? 0 : Self.allocationByteCount(summary.fieldCapacity, summary.byteCapacity)
  }

  private static func allocationByteCount(_ fieldCapacity: Int, _ byteCapacity: Int) -> Int {
    HeapBlock.byteCount(
      MemoryLayout<(Int, Int, Header)>.size + (byteCapacity + 3) & ~3 + fieldCapacity * MemoryLayout<Entry>.stride)
  }

  /// A copy without room to spare; this one where it has next to none.
  var compact: HeaderStorage {
    let summary = summary
    guard
      Self.allocationByteCount(summary.fieldCapacity, summary.byteCapacity)
        > HeapBlock.sizeClass(Self.allocationByteCount(summary.fieldCount, summary.byteCount)) + 32
    else { return self }
    return summary.fieldCount == 0 ? Self.empty : copy(fieldCapacity: 0, byteCapacity: 0)
  }

  /// What `header` is, read without the runtime's exclusivity check, which costs more than the read and finds nothing:
  /// storage is written to only while it is uniquely referenced.
  @inline(__always)
  var summary: Header { withUnsafeMutablePointerToHeader { $0.pointee } }

  // nonisolated(unsafe): of no capacity, so nobody ever writes to it.
  nonisolated(unsafe) static let empty = make(fieldCapacity: 0, byteCapacity: 0)

  static func make(fieldCapacity: Int, byteCapacity: Int) -> HeaderStorage {
    let exact = allocationByteCount(fieldCapacity, byteCapacity)
    let byteCapacity = (byteCapacity + 3) & ~3 + (HeapBlock.sizeClass(exact) - exact)
    let buffer = HeaderStorage.create(
      minimumCapacity: byteCapacity + fieldCapacity * MemoryLayout<Entry>.stride
    ) { _ in Header(fieldCapacity: fieldCapacity, byteCapacity: byteCapacity) }
    return unsafeDowncast(buffer, to: HeaderStorage.self)
  }

  func copy(fieldCapacity: Int, byteCapacity: Int) -> HeaderStorage {
    let source = summary
    let copy = HeaderStorage.make(
      fieldCapacity: max(fieldCapacity, source.fieldCount), byteCapacity: max(byteCapacity, source.byteCount))
    let byteCapacity = copy.withUnsafeMutablePointerToHeader { header in
      header.pointee.fieldCount = source.fieldCount
      header.pointee.byteCount = source.byteCount
      header.pointee.presence = source.presence
      return header.pointee.byteCapacity
    }
    withUnsafeMutablePointerToElements { from in
      copy.withUnsafeMutablePointerToElements { to in
        UnsafeMutableRawPointer(to).copyMemory(from: from, byteCount: source.byteCount)
        UnsafeMutableRawPointer(to + byteCapacity).copyMemory(
          from: from + source.byteCapacity, byteCount: source.fieldCount * MemoryLayout<Entry>.stride)
      }
    }
    return copy
  }

  func entry(_ position: Int) -> Entry {
    let header = summary
    precondition(position >= 0 && position < header.fieldCount, "field position out of bounds")
    return withUnsafeMutablePointerToElements { elements in
      UnsafeRawPointer(elements + header.byteCapacity).load(
        fromByteOffset: position * MemoryLayout<Entry>.stride, as: Entry.self)
    }
  }

  /// The first field of a known name from `start` on; nil when there is none.
  func position(of known: KnownHeader, from start: Int) -> Int? {
    let header = summary
    return withUnsafeMutablePointerToElements { elements in
      let entries = UnsafeRawPointer(elements + header.byteCapacity)
      var position = start
      while position < header.fieldCount {
        let entry = entries.load(fromByteOffset: position * MemoryLayout<Entry>.stride, as: Entry.self)
        if entry.isKnown(as: known) { return position }
        position += 1
      }
      return nil
    }
  }

  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    let count = summary.byteCount
    return try withUnsafeMutablePointerToElements { elements in
      try body(UnsafeRawBufferPointer(start: elements, count: count))
    }
  }

  /// Adds fields of another section that stand side by side, whose values are in order. The caller has made room.
  func append(_ other: HeaderStorage, _ positions: Range<Int>) {
    guard !positions.isEmpty else { return }
    let header = summary
    let source = other.summary
    let start = other.entry(positions.lowerBound).nameRange.lowerBound
    // Behind each value come CR and LF.
    let byteCount = other.entry(positions.upperBound - 1).valueRange.upperBound + 2 - start
    precondition(
      header.fieldCount + positions.count <= header.fieldCapacity
        && header.byteCount + byteCount <= header.byteCapacity)
    let isWhole = positions.count == source.fieldCount
    var presence = isWhole ? source.presence : 0
    withUnsafeMutablePointerToElements { elements in
      other.withUnsafeMutablePointerToElements { octets in
        UnsafeMutableRawPointer(elements + header.byteCount).copyMemory(from: octets + start, byteCount: byteCount)
        let sourceEntries = UnsafeRawPointer(octets + source.byteCapacity)
        let entries = UnsafeMutableRawPointer(elements + header.byteCapacity)
        let distance = header.byteCount &- start
        var from = sourceEntries + positions.lowerBound &* MemoryLayout<Entry>.stride
        var to = entries + header.fieldCount &* MemoryLayout<Entry>.stride
        for _ in 0..<positions.count {
          let entry = from.load(as: Entry.self)
          if !isWhole { presence |= entry.presence }
          to.storeBytes(of: entry.moved(by: distance), as: Entry.self)
          from += MemoryLayout<Entry>.stride
          to += MemoryLayout<Entry>.stride
        }
      }
    }
    withUnsafeMutablePointerToHeader { header in
      header.pointee.fieldCount += positions.count
      header.pointee.byteCount += byteCount
      header.pointee.presence |= presence
    }
  }

  /// Adds a field. The caller has made room, and trimmed the value.
  func append(name: UnsafeRawBufferPointer, known: KnownHeader?, value: UnsafeRawBufferPointer) {
    // A name beyond 64 KiB is no name anybody compares; it is cut, not trapped on (heads are bounded by servers anyway).
    let name = name.count <= Int(UInt16.max) ? name : UnsafeRawBufferPointer(rebasing: name.prefix(Int(UInt16.max)))
    let header = summary
    let length = name.count + value.count + 4
    precondition(header.fieldCount < header.fieldCapacity && header.byteCount + length <= header.byteCapacity)
    withUnsafeMutablePointerToElements { elements in
      let line = UnsafeMutableRawPointer(elements + header.byteCount)
      line.copyMemory(from: name.baseAddress!, byteCount: name.count)
      var end = name.count
      line.storeBytes(of: ASCII.colon, toByteOffset: end, as: UInt8.self)
      line.storeBytes(of: ASCII.space, toByteOffset: end + 1, as: UInt8.self)
      end += 2
      if let base = value.baseAddress {
        // Nearly all values are clean: they are copied at once and looked at afterwards, all octets alike.
        (line + end).copyMemory(from: base, byteCount: value.count)
        var suspects: UInt8 = 0
        for offset in end..<end + value.count {
          let byte = line.load(fromByteOffset: offset, as: UInt8.self)
          suspects |= (byte < 0x20 ? 1 : 0) | (byte == 0x7F ? 1 : 0)
        }
        if suspects != 0 {
          for offset in end..<end + value.count
          where !ASCII.isFieldValueCharacter(line.load(fromByteOffset: offset, as: UInt8.self)) {
            line.storeBytes(of: ASCII.space, toByteOffset: offset, as: UInt8.self)
          }
        }
        end += value.count
      }
      line.storeBytes(of: ASCII.carriageReturn, toByteOffset: end, as: UInt8.self)
      line.storeBytes(of: ASCII.lineFeed, toByteOffset: end + 1, as: UInt8.self)
      UnsafeMutableRawPointer(elements + header.byteCapacity).storeBytes(
        of: Entry(start: header.byteCount, nameLength: name.count, valueLength: value.count, known: known),
        toByteOffset: header.fieldCount * MemoryLayout<Entry>.stride, as: Entry.self)
    }
    withUnsafeMutablePointerToHeader { header in
      header.pointee.fieldCount += 1
      header.pointee.byteCount += length
      if let known { header.pointee.presence |= known.bit }
    }
  }
}
