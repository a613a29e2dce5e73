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
    let count = header.fieldCount
    writer.put(UInt32(truncatingIfNeeded: count))
    for position in 0..<count {
      let entry = entry(position)
      writer.put(UInt16(truncatingIfNeeded: entry.nameRange.count))
      writer.put(UInt32(truncatingIfNeeded: entry.valueRange.count))
    }
    withBytes { writer.put($0) }
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
    let lines = index + count * lengthsSize
    let byteCount = section.count - countSize - count * lengthsSize
    let storage = make(fieldCapacity: count, byteCapacity: byteCount)
    var presence: UInt64 = 0
    var start = 0
    let byteCapacity = storage.header.byteCapacity
    try storage.withUnsafeMutablePointerToElements { elements throws(WireFormatError) in
      let memory = UnsafeMutableRawPointer(elements)
      memory.copyMemory(from: lines, byteCount: byteCount)
      let entries = memory + byteCapacity
      for position in 0..<count {
        let lengths = index + position * lengthsSize
        let nameLength = Int(UInt16(littleEndian: lengths.loadUnaligned(as: UInt16.self)))
        let valueLength = Int(UInt32(littleEndian: lengths.loadUnaligned(fromByteOffset: 2, as: UInt32.self)))
        guard nameLength > 0, nameLength + valueLength + punctuationSize <= byteCount - start else {
          throw .damaged("a field is longer than its section")
        }
        let known = try check(lines + start, nameLength: nameLength, valueLength: valueLength)
        if let known { presence |= known.bit }
        entries.storeBytes(
          of: Entry(start: start, nameLength: nameLength, valueLength: valueLength, known: known),
          toByteOffset: position * MemoryLayout<Entry>.stride, as: Entry.self)
        start += nameLength + valueLength + punctuationSize
      }
    }
    guard start == byteCount else { throw .damaged("bytes behind the last field") }
    storage.header.fieldCount = count
    storage.header.byteCount = byteCount
    storage.header.presence = presence
    return storage
  }

  /// Checks a line (RFC 9110 §5.1, §5.5): a token, `: `, a value without controls or space around it, the end.
  ///
  /// - Returns: The number of its name, if that is one of the known ones.
  @inline(__always)
  private static func check(
    _ line: UnsafeRawPointer, nameLength: Int, valueLength: Int
  ) throws(WireFormatError) -> KnownHeader? {
    let value = line + nameLength + 2
    let separator = UInt16(littleEndian: line.loadUnaligned(fromByteOffset: nameLength, as: UInt16.self))
    let ending = UInt16(littleEndian: value.loadUnaligned(fromByteOffset: valueLength, as: UInt16.self))
    guard separator == 0x203A, ending == 0x0A0D else { throw .damaged("a field is no line") }
    let name = UnsafeRawBufferPointer(start: line, count: nameLength)
    let known = KnownHeader.recognize(name)
    guard known != nil || name.allSatisfy(ASCII.isTokenCharacter) else { throw .damaged("no field name") }
    guard isFieldValue(UnsafeRawBufferPointer(start: value, count: valueLength)) else {
      throw .damaged("no field value")
    }
    return known
  }

  /// Whether `value` may stand behind a name as it is.
  @inline(__always)
  private static func isFieldValue(_ value: UnsafeRawBufferPointer) -> Bool {
    guard let first = value.first, let last = value.last else { return true }
    guard first > ASCII.space, last > ASCII.space else { return false }
    guard value.count >= 8 else { return value.allSatisfy(ASCII.isFieldValueCharacter) }
    // Eight at a time, the last eight once more if need be.
    var offset = 0
    while offset < value.count {
      let place = min(offset, value.count - 8)
      guard mayBeText(value.loadUnaligned(fromByteOffset: place, as: UInt64.self)) else {
        return value.allSatisfy(ASCII.isFieldValueCharacter)
      }
      offset += 8
    }
    return true
  }

  /// Whether none of eight octets is a control. (A tab counts as one here.)
  @inline(__always)
  private static func mayBeText(_ word: UInt64) -> Bool {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highBits = ones << 7
    let belowSpace = (word &- ones &* 0x20) & ~word
    let isDelete = word ^ (ones &* 0x7F)
    return (belowSpace | ((isDelete &- ones) & ~isDelete)) & highBits == 0
  }
}
