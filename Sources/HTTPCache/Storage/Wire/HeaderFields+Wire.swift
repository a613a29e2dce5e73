//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A section of fields: their number (32 bits), for each the lengths of its name (16) and its value (32), then the lines as
/// they stand on the wire of HTTP/1.1. Nothing at all when there are no fields.
extension HeaderFields {
  var wireSize: Int { isEmpty ? 0 : HeaderStorage.wireSize(fieldCount: count, byteCount: serializedByteCount) }

  @inline(__always)
  func write(to writer: inout WireWriter) {
    if !isEmpty { storage.write(to: &writer) }
  }

  /// The fields of a section; checks everything that holds for fields that were added one by one.
  @inline(__always)
  init(wire section: UnsafeRawBufferPointer) throws(WireFormatError) {
    self.init()
    if !section.isEmpty { storage = try HeaderStorage.reading(section) }
  }
}

extension HeaderStorage {
  private static let countSize = 4
  private static let lengthsSize = 6
  /// `: ` and the end of the line.
  private static let punctuationSize = 4

  static func wireSize(fieldCount: Int, byteCount: Int) -> Int {
    countSize + lengthsSize * fieldCount + byteCount
  }

  func write(to writer: inout WireWriter) {
    withUnsafeMutablePointers { header, elements in
      let header = header.pointee
      writer.put(UInt32(truncatingIfNeeded: header.fieldCount))
      let index = writer.reserve(header.fieldCount * Self.lengthsSize)
      let entries = UnsafeRawPointer(elements + header.byteCapacity)
      for position in 0..<header.fieldCount {
        let entry = entries.load(fromByteOffset: position * MemoryLayout<Entry>.stride, as: Entry.self)
        let lengths = index + position * Self.lengthsSize
        lengths.storeBytes(of: entry.nameLength.littleEndian, as: UInt16.self)
        lengths.storeBytes(of: entry.valueLength.littleEndian, toByteOffset: 2, as: UInt32.self)
      }
      writer.put(UnsafeRawBufferPointer(start: elements, count: header.byteCount))
    }
  }

  /// The storage for a section that is not empty.
  static func reading(_ section: UnsafeRawBufferPointer) throws(WireFormatError) -> HeaderStorage {
    guard section.count >= countSize, let base = section.baseAddress else { throw .damaged("the fields are cut off") }
    let count = Int(UInt32(littleEndian: base.loadUnaligned(as: UInt32.self)))
    // A name has a character at least: this bounds what is allocated by what is there.
    guard count > 0, count <= (section.count - countSize) / (lengthsSize + punctuationSize + 1) else {
      throw .damaged("more fields than there is room for")
    }
    let index = base + countSize
    let lines = UnsafeRawBufferPointer(
      start: index + count * lengthsSize, count: section.count - countSize - count * lengthsSize)
    let storage = make(fieldCapacity: count, byteCapacity: lines.count)
    try storage.withUnsafeMutablePointers { header, elements throws(WireFormatError) in
      UnsafeMutableRawBufferPointer(start: elements, count: lines.count).copyMemory(from: lines)
      header.pointee.presence = try readEntries(
        count, index: index, lines: lines, to: UnsafeMutableRawPointer(elements + header.pointee.byteCapacity))
      header.pointee.fieldCount = count
      header.pointee.byteCount = lines.count
    }
    return storage
  }

  /// Checks all lines and makes their index.
  ///
  /// - Returns: Which of the known names are present.
  @inline(__always)
  private static func readEntries(
    _ count: Int, index: UnsafeRawPointer, lines: UnsafeRawBufferPointer, to entries: UnsafeMutableRawPointer
  ) throws(WireFormatError) -> UInt64 {
    // When there are no controls but those that end the lines, none needs to be looked for.
    let mayHoldControls = lines.controlCount != 2 * count
    guard let base = lines.baseAddress else { throw .damaged("the fields are cut off") }
    let names = KnownHeaderTable.shared
    var presence: UInt64 = 0
    var start = 0
    for position in 0..<count {
      // No overflow: there is room for an entry and for lengths at each position, what has been read has 32 bits, and `start`
      // is no more than the number of bytes.
      let lengths = index + position &* lengthsSize
      let nameLength = Int(UInt16(littleEndian: lengths.loadUnaligned(as: UInt16.self)))
      let valueLength = Int(UInt32(littleEndian: lengths.loadUnaligned(fromByteOffset: 2, as: UInt32.self)))
      let length = nameLength &+ valueLength &+ punctuationSize
      guard nameLength > 0, length <= lines.count &- start else { throw .damaged("a field is longer than its section") }
      let known = try check(
        base + start, nameLength: nameLength, valueLength: valueLength, mayHoldControls: mayHoldControls, names)
      if let known { presence |= known.bit }
      entries.storeBytes(
        of: Entry(fittingStart: start, nameLength: nameLength, valueLength: valueLength, known: known),
        toByteOffset: position &* MemoryLayout<Entry>.stride, as: Entry.self)
      start &+= length
    }
    guard start == lines.count else { throw .damaged("bytes behind the last field") }
    return presence
  }

  /// Checks a line (RFC 9110 §5.1, §5.5): a token, `: `, a value without controls or space around it, the end.
  ///
  /// - Returns: The number of its name, if that is one of the known ones.
  @inline(__always)
  private static func check(
    _ line: UnsafeRawPointer, nameLength: Int, valueLength: Int, mayHoldControls: Bool,
    _ names: KnownHeaderTable
  ) throws(WireFormatError) -> KnownHeader? {
    let start = line + (nameLength &+ 2)
    let separator = UInt16(littleEndian: line.loadUnaligned(fromByteOffset: nameLength, as: UInt16.self))
    let ending = UInt16(littleEndian: start.loadUnaligned(fromByteOffset: valueLength, as: UInt16.self))
    guard separator == 0x203A, ending == 0x0A0D else { throw .damaged("a field is no line") }
    let name = UnsafeRawBufferPointer(start: line, count: nameLength)
    let known = names.recognize(name)
    guard known != nil || name.allSatisfy(ASCII.isTokenCharacter) else { throw .damaged("no field name") }
    guard valueLength > 0 else { return known }
    let value = UnsafeRawBufferPointer(start: start, count: valueLength)
    guard start.load(as: UInt8.self) > ASCII.space,
      start.load(fromByteOffset: valueLength &- 1, as: UInt8.self) > ASCII.space,
      !mayHoldControls || value.allSatisfy(ASCII.isFieldValueCharacter)
    else { throw .damaged("no field value") }
    return known
  }
}

extension UnsafeRawBufferPointer {
  /// How many octets are controls (below 0x20, or 0x7F).
  fileprivate var controlCount: Int {
    guard let base = baseAddress else { return 0 }
    var count = 0
    var place = 0
    while place < self.count {
      // Counted in an octet, and not more than one can count, so that the compiler takes sixteen at a time.
      let octets = (base + place).assumingMemoryBound(to: UInt8.self)
      let length = Swift.min(240, self.count &- place)
      var sum: UInt8 = 0
      for position in 0..<length {
        let octet = octets[position]
        sum &+= (octet < 0x20 ? 1 : 0) | (octet == 0x7F ? 1 : 0)
      }
      count &+= Int(sum)
      place &+= length
    }
    return count
  }
}
