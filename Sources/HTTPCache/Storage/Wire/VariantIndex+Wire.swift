//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The variant index section: the length of the nonce (16 bits) and the nonce, then the selections, the latest first, each
/// as its length (32 bits) and its text.
extension VariantIndex {
  var wireSize: Int { selections.reduce(2 + nonce.utf8.count) { $0 + 4 + $1.serialized.utf8.count } }

  func write(to writer: inout WireWriter) {
    writer.put(UInt16(truncatingIfNeeded: nonce.utf8.count))
    writer.put(nonce)
    for selection in selections {
      let text = selection.serialized
      writer.put(UInt32(truncatingIfNeeded: text.utf8.count))
      writer.put(text)
    }
  }

  convenience init(wire section: UnsafeRawBufferPointer) throws(WireFormatError) {
    var reader = WireReader(section)
    guard let length = reader.number(as: UInt16.self), let nonce = reader.text(Int(length)), !nonce.isEmpty,
      nonce.utf8.allSatisfy({ ASCII.isLetter($0) || ASCII.isDigit($0) })
    else { throw .damaged("no nonce") }
    var selections: [VarySelection] = []
    while !reader.isAtEnd {
      guard selections.count < Self.maximumSelectionCount, let length = reader.number(as: UInt32.self),
        let text = reader.text(Int(length)), let selection = VarySelection(serialized: text),
        selection.serialized == text
      else { throw .damaged("no list of selecting fields") }
      selections.append(selection)
    }
    guard !selections.isEmpty else { throw .damaged("no list of selecting fields") }
    self.init(nonce: nonce, selections: selections)
  }
}
