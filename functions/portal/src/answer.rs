//! An answer on its way to the Lambda runtime: a text stays as it is.
//!
//! `lambda_http` decodes a text by its charset, and a decoder takes the byte order mark away, by which Excel recognises
//! UTF-8. All texts of this function are UTF-8 already, so none is decoded here.

use std::pin::Pin;

use axum::body::to_bytes;
use axum::response::Response;
use lambda_http::http::Response as HttpResponse;
use lambda_http::{Body, IntoResponse};

/// An answer of the router.
pub(crate) struct Answer(pub(crate) Response);

impl IntoResponse for Answer {
    fn into_response(self) -> Pin<Box<dyn Future<Output = HttpResponse<Body>> + Send>> {
        let (parts, body) = self.0.into_parts();
        Box::pin(async move {
            let bytes = to_bytes(body, usize::MAX).await.expect("a body is made in memory, where reading cannot fail");
            let body =
                String::from_utf8(bytes.into()).map_or_else(|error| Body::Binary(error.into_bytes()), Body::Text);
            HttpResponse::from_parts(parts, body)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_text_keeps_its_byte_order_mark_and_other_bytes_stay_bytes() {
        let headers = [("content-type", "text/csv; charset=utf-8")];
        let text = axum::response::IntoResponse::into_response((headers, "\u{feff}שלום"));
        assert_eq!(Answer(text).into_response().await.into_body(), Body::Text("\u{feff}שלום".into()));
        let bytes = axum::response::IntoResponse::into_response(vec![255_u8]);
        assert_eq!(Answer(bytes).into_response().await.into_body(), Body::Binary(vec![255]));
    }
}
