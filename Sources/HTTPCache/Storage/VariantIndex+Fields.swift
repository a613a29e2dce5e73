//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension VariantIndex {
  /// An index of the responses that these request fields select among, for tests of backends.
  package convenience init(selectingFields names: [HeaderName]) { self.init(VarySelection(names)) }

  /// The names of the fields, list by list, for tests of backends.
  package var selectingFields: [[String]] { selections.map { $0.names.map(\.canonical) } }
}
