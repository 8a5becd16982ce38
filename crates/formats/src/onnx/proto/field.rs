use bytes::{Buf, BufMut, Bytes};
use prost::DecodeError;
use prost::encoding::{DecodeContext, WireType};

/// What stands in a field of a message: written unless it is empty, and read piece by piece.
pub trait Field {
    fn encode(&self, tag: u32, buf: &mut impl BufMut);
    fn merge(&mut self, wire_type: WireType, buf: &mut impl Buf, context: DecodeContext) -> Result<(), DecodeError>;
    /// Bytes that [`Field::encode`] writes.
    fn size(&self, tag: u32) -> usize;
}

/// A field that may come once: numbers, words. What equals the default is not written.
macro_rules! single {
    ($($type:ty: $module:ident),*) => { $(
        impl Field for $type {
            fn encode(&self, tag: u32, buf: &mut impl BufMut) {
                if *self != Self::default() {
                    prost::encoding::$module::encode(tag, self, buf);
                }
            }

            fn merge(&mut self, wire: WireType, buf: &mut impl Buf, context: DecodeContext) -> Result<(), DecodeError> {
                prost::encoding::$module::merge(wire, self, buf, context)
            }

            fn size(&self, tag: u32) -> usize {
                if *self == Self::default() { 0 } else { prost::encoding::$module::encoded_len(tag, self) }
            }
        }
    )* };
}

/// A field that may come several times; numbers are read from packed lists too.
macro_rules! repeated {
    ($($type:ty: $module:ident),*) => { $(
        impl $crate::onnx::proto::field::Field for Vec<$type> {
            fn encode(&self, tag: u32, buf: &mut impl bytes::BufMut) {
                prost::encoding::$module::encode_repeated(tag, self, buf);
            }

            fn merge(
                &mut self,
                wire: prost::encoding::WireType,
                buf: &mut impl bytes::Buf,
                context: prost::encoding::DecodeContext,
            ) -> Result<(), prost::DecodeError> {
                prost::encoding::$module::merge_repeated(wire, self, buf, context)
            }

            fn size(&self, tag: u32) -> usize {
                prost::encoding::$module::encoded_len_repeated(tag, self)
            }
        }
    )* };
}
pub(super) use repeated;

single!(i32: int32, i64: int64, f32: float, String: string, Bytes: bytes);
repeated!(i32: int32, i64: int64, f32: float, f64: double, String: string, Bytes: bytes);

/// Messages as structs, each field after its number.
macro_rules! messages {
    ($($(#[$doc:meta])* pub struct $name:ident {
        $($(#[$field_doc:meta])* $tag:literal => $field:ident: $type:ty,)*
    })*) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type),* }

        impl prost::Message for $name {
            fn encode_raw(&self, buf: &mut impl bytes::BufMut) {
                $($crate::onnx::proto::field::Field::encode(&self.$field, $tag, buf);)*
            }

            fn merge_field(
                &mut self,
                tag: u32,
                wire: prost::encoding::WireType,
                buf: &mut impl bytes::Buf,
                context: prost::encoding::DecodeContext,
            ) -> Result<(), prost::DecodeError> {
                match tag {
                    $($tag => $crate::onnx::proto::field::Field::merge(&mut self.$field, wire, buf, context),)*
                    _ => prost::encoding::skip_field(wire, tag, buf, context),
                }
            }

            fn encoded_len(&self) -> usize {
                0 $(+ $crate::onnx::proto::field::Field::size(&self.$field, $tag))*
            }

            fn clear(&mut self) {
                *self = Self::default();
            }
        }

        impl $crate::onnx::proto::field::Field for Option<$name> {
            fn encode(&self, tag: u32, buf: &mut impl bytes::BufMut) {
                if let Some(message) = self {
                    prost::encoding::message::encode(tag, message, buf);
                }
            }

            fn merge(
                &mut self,
                wire: prost::encoding::WireType,
                buf: &mut impl bytes::Buf,
                context: prost::encoding::DecodeContext,
            ) -> Result<(), prost::DecodeError> {
                prost::encoding::message::merge(wire, self.get_or_insert_default(), buf, context)
            }

            fn size(&self, tag: u32) -> usize {
                self.as_ref().map_or(0, |message| prost::encoding::message::encoded_len(tag, message))
            }
        }

        $crate::onnx::proto::field::repeated!($name: message);
    )* };
}
pub(super) use messages;

/// Named numbers.
macro_rules! enumerations {
    ($($(#[$doc:meta])* pub enum $name:ident { $($word:ident = $number:literal,)* })*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(i32)]
        pub enum $name { $($word = $number),* }

        impl TryFrom<i32> for $name {
            type Error = i32;

            fn try_from(number: i32) -> Result<Self, i32> {
                match number {
                    $($number => Ok(Self::$word),)*
                    other => Err(other),
                }
            }
        }
    )* };
}
pub(super) use enumerations;
