//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension UInt64 {
  /// A number in decimal digits, and nothing else.
  init?(decimal digits: some Sequence<UInt8>) {
    var number: UInt64 = 0
    var isEmpty = true
    for digit in digits {
      isEmpty = false
      let (product, overflow) = number.multipliedReportingOverflow(by: 10)
      guard (0x30...0x39).contains(digit), !overflow else { return nil }
      let (sum, isTooLarge) = product.addingReportingOverflow(UInt64(digit - 0x30))
      guard !isTooLarge else { return nil }
      number = sum
    }
    if isEmpty { return nil }
    self = number
  }
}
